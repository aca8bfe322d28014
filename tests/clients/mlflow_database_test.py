"""Databases of MLflow 2 and 3: ours upgraded by them and opened again, theirs opened by us."""
import json
import sqlite3
import subprocess
import unittest

from client_environment import MLFLOW, MLFLOW_3, client_python, run_client
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


class MlflowDatabase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python_2 = client_python("mlflow-2.22.2", *MLFLOW)
        cls.python_3 = client_python("mlflow-3.17.2", *MLFLOW_3)

    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.project = make_telco_project(self.folder / "telco")
        self.database = self.project / ".tenure" / "tenure.db"
        self.url = f"sqlite:///{self.database}"

    def train(self):
        return tenure_json("run", *FAST, cwd=self.project)["run_id"]

    def upgrade(self, python):
        subprocess.run([python, "-m", "mlflow", "db", "upgrade", self.url], cwd=self.folder, check=True,
                       capture_output=True, timeout=600)

    def rows(self, query):
        with sqlite3.connect(self.database) as connection:
            return connection.execute(query).fetchall()

    def check_runs(self, python, expected):
        seen = json.loads(run_client(python, READ_RUNS, self.url, cwd=self.folder))
        self.assertEqual(set(seen["runs"]), set(expected))
        self.assertEqual(len(seen["history"]), 5)

    def test_ours_is_upgraded_by_mlflow_3_and_stays_ours(self):
        first = self.train()
        self.upgrade(self.python_3)
        self.check_runs(self.python_3, [first])
        second = self.train()  # takes up what the upgrade made
        self.check_runs(self.python_3, [first, second])
        self.assertIn(("logged_models",), self.rows("SELECT name FROM tenure_mlflow_features"))
        self.assertEqual(self.rows("SELECT COUNT(*) FROM sqlite_master WHERE name = "
                                   "'index_tenure_runs_experiment_start'"), [(1,)])

    def test_one_of_mlflow_3_is_opened_as_it_is(self):
        self.check_theirs(self.python_3)

    def test_one_of_mlflow_2_is_opened_as_it_is(self):
        self.check_theirs(self.python_2)

    def check_theirs(self, python):
        self.database.parent.mkdir(exist_ok=True)
        run_client(python, WRITE_RUNS, self.url, cwd=self.folder)
        revision = self.rows("SELECT version_num FROM alembic_version")
        ours = self.train()
        self.assertEqual(self.rows("SELECT version_num FROM alembic_version"), revision)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM metrics WHERE key = 'm'"), [(100,)])
        self.assertEqual(self.rows(f"SELECT COUNT(*) FROM runs WHERE run_uuid = '{ours}'"), [(1,)])


if __name__ == "__main__":
    unittest.main()
