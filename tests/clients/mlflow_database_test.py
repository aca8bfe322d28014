"""Databases of MLflow 2 and 3: ours upgraded and served by them and opened again, theirs opened by us."""
import contextlib
import json
import os
import sqlite3
import subprocess
import unittest

from client_environment import MLFLOW, MLFLOW_3, POSTGRESQL_DRIVERS, client_packages, client_python, run_client
from mlflow_server import mlflow_server
from postgresql_server import PostgresqlServer
from tenure_process import FAST, make_telco_project, temporary_folder, tenure_json

READ_RUNS = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
experiment = client.get_experiment_by_name("telco-churn")
runs = client.search_runs([experiment.experiment_id])
print(json.dumps({"runs": {run.info.run_id: run.data.metrics["test_auc"] for run in runs},
                  "history": [m.value for m in client.get_metric_history(runs[0].info.run_id, "fold_auc")],
                  "version": int(client.get_model_version_by_alias("telco-churn", "champion").version)}))
"""

WRITE_RUNS = """
import sys
from mlflow import MlflowClient
from mlflow.entities import Metric
client = MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
run = client.create_run(client.create_experiment("theirs"))
client.log_batch(run.info.run_id, metrics=[Metric("m", float(i), 1, i) for i in range(100)])
client.set_terminated(run.info.run_id)
"""


class OnEitherDatabase:
    """What holds whatever the database is; `url`, `rows` and `variables` are those of a subclass."""

    @classmethod
    def setUpClass(cls):
        cls.python_2 = client_python("mlflow-2.22.2", *MLFLOW)
        cls.python_3 = client_python("mlflow-3.17.2", *MLFLOW_3)

    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.project = make_telco_project(self.folder / "telco")
        self.variables = {}

    def train(self):
        return tenure_json("run", *FAST, cwd=self.project, TENURE_STORAGE__DATABASE=self.url)["run_id"]

    def upgrade(self, python):
        done = subprocess.run([python, "-m", "mlflow", "db", "upgrade", self.url], cwd=self.folder, text=True,
                              capture_output=True, timeout=600, env={**os.environ, **self.variables})
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])

    def client(self, python, script, address):
        return run_client(python, script, address, cwd=self.folder, **self.variables)

    def check_runs(self, python, expected, address=None):
        seen = json.loads(self.client(python, READ_RUNS, address or self.url))
        self.assertEqual(set(seen["runs"]), set(expected))
        self.assertEqual(len(seen["history"]), 5)

    def own_indexes(self):
        return {row[0] for row in self.rows(self.INDEXES)}

    def test_ours_is_upgraded_by_mlflow_3_and_stays_ours(self):
        first = self.train()
        before = self.own_indexes()
        self.upgrade(self.python_3)
        self.check_runs(self.python_3, [first])
        second = self.train()  # takes up what the upgrade made
        self.check_runs(self.python_3, [first, second])
        self.assertIn(("logged_models",), self.rows("SELECT name FROM tenure_mlflow_features"))
        # All of ours are there again, save the one that MLflow 3 has, too.
        self.assertEqual(self.own_indexes(), before - {"index_tenure_metrics_run_key_step"})

    def test_one_of_mlflow_3_is_opened_as_it_is(self):
        self.check_theirs(self.python_3)

    def test_one_of_mlflow_2_is_opened_as_it_is(self):
        self.check_theirs(self.python_2)

    def check_theirs(self, python):
        self.client(python, WRITE_RUNS, self.url)
        revision = self.rows("SELECT version_num FROM alembic_version")
        ours = self.train()
        self.assertEqual(self.rows("SELECT version_num FROM alembic_version"), revision)
        self.assertEqual(self.count("SELECT COUNT(*) FROM metrics WHERE key = 'm'"), 100)
        self.assertEqual(self.count(f"SELECT COUNT(*) FROM runs WHERE run_uuid = '{ours}'"), 1)

    def count(self, query):
        return int(self.rows(query)[0][0])


class MlflowDatabase(OnEitherDatabase, unittest.TestCase):
    INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'index_tenure_%'"

    def setUp(self):
        super().setUp()
        self.database = self.project / ".tenure" / "tenure.db"
        self.database.parent.mkdir(exist_ok=True)
        self.url = f"sqlite:///{self.database}"

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()


class MlflowDatabaseOnPostgresql(OnEitherDatabase, unittest.TestCase):
    INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'index_tenure_%'"

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(PostgresqlServer(fsync=False))
        super().setUpClass()
        cls.drivers = client_packages(cls.python_3, "postgresql-drivers", *POSTGRESQL_DRIVERS)

    def setUp(self):
        super().setUp()
        self.variables = {"PYTHONPATH": self.drivers}
        self.database = self.folder.name
        self.url = self.server.create_database(self.database)

    def rows(self, query):
        return [tuple(row) for row in self.server.sql(self.database, query)]

    def serve(self, python):
        """The real server reads and writes our runs and then we do."""
        first = self.train()
        self.upgrade(python)
        with mlflow_server(python, self.url, self.folder, **self.variables) as address:
            self.check_runs(python, [first], address)
            self.client(python, WRITE_RUNS, address)
        second = self.train()
        self.check_runs(python, [first, second])
        self.assertEqual(self.count("SELECT COUNT(*) FROM metrics WHERE key = 'm'"), 100)

    def test_ours_is_served_by_mlflow_2(self):
        self.serve(self.python_2)

    def test_ours_is_upgraded_and_served_by_mlflow_3(self):
        self.serve(self.python_3)


if __name__ == "__main__":
    unittest.main()
