"""The unmodified mlflow package opens our database, our registry and our model folders."""
import csv
import json
import unittest

from client_environment import MLFLOW, client_python, run_client
from tenure_process import FAST, make_telco_project, temporary_folder, tenure, tenure_json

READ_STORE = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri="sqlite:///" + sys.argv[1], registry_uri="sqlite:///" + sys.argv[1])
experiment = client.get_experiment_by_name("telco-churn")
run, = client.search_runs([experiment.experiment_id])
version = client.get_model_version_by_alias("telco-churn", "champion")
client.set_registered_model_alias("telco-churn", "from_mlflow", version.version)
client.set_tag(run.info.run_id, "seen_by", "mlflow")
print(json.dumps({"run_id": run.info.run_id, "status": run.info.status, "metrics": run.data.metrics,
                  "params": run.data.params, "version": int(version.version), "source": version.source,
                  "history": [m.value for m in client.get_metric_history(run.info.run_id, "fold_auc")]}))
"""

PREDICT = """
import json, sys
import mlflow, pandas
rows = pandas.DataFrame(json.load(open(sys.argv[2])))
booster = mlflow.xgboost.load_model(sys.argv[1])
pyfunc = mlflow.pyfunc.load_model(sys.argv[1])
import xgboost
shuffled = rows[list(reversed(rows.columns))]
print(json.dumps({"xgboost": booster.predict(xgboost.DMatrix(rows)).tolist(),
                  "pyfunc": [float(p) for p in pyfunc.predict(shuffled.astype("float32"))]}))
"""


class Mlflow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = client_python("mlflow-2.22.2", *MLFLOW)
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        cls.summary = tenure_json("run", *FAST, "--set", "model.transform.log=", "--set", "model.transform.crosses=",
                                  # The booster's own probabilities are what other programs compute.
                                  "--set", "model.calibration=none", cwd=cls.project)

    def test_the_client_reads_and_writes_our_database(self):
        seen = json.loads(run_client(self.python, READ_STORE, self.project / ".tenure" / "tenure.db",
                                     cwd=self.folder))
        self.assertEqual((seen["run_id"], seen["status"], seen["version"]), (self.summary["run_id"], "FINISHED", 1))
        self.assertEqual(seen["metrics"]["test_auc"], self.summary["metrics"]["test_auc"])
        self.assertEqual(seen["params"]["preset"], "light")
        self.assertEqual(len(seen["history"]), 5)
        self.assertEqual(tenure_json("models", "show", "@from_mlflow", cwd=self.project)["version"], 1)

    def test_the_model_folder_loads_and_predicts_the_same(self):
        package = tenure_json("models", "show", cwd=self.project)["package"]
        tenure("score", "data/customers.csv", "scores.csv", cwd=self.project)
        with open(self.project / "scores.csv", newline="") as file:
            expected = [float(row["probability"]) for row in csv.DictReader(file)][:200]
        with open(self.project / "data" / "customers.csv", newline="") as file:
            customers = list(csv.DictReader(file))[:200]
        encoded = [{name: self.encode(name, row) for name in self.encoded_names(package)} for row in customers]
        (self.folder / "rows.json").write_text(json.dumps(encoded))
        seen = json.loads(run_client(self.python, PREDICT, package, self.folder / "rows.json", cwd=self.folder))
        self.assertEqual([float(p) for p in seen["xgboost"]], expected)
        self.assertEqual(seen["pyfunc"], expected)

    @staticmethod
    def encoded_names(package):
        """The columns of MLmodel's signature, in order."""
        with open(package + "/MLmodel") as file:
            text = file.read()
        text = text[text.index("\nsignature:"):]  # the tenure flavor has inputs of its own
        signature = text[text.index("inputs: ") + len("inputs: "):].split("\n", 1)[0].strip().strip("'")
        return [column["name"] for column in json.loads(signature)]

    @staticmethod
    def encode(name, row):
        """One-hot by the column's name: what transform.json says, written down a second time."""
        column, _, category = name.partition("=")
        if category:
            return float(row[column] == category)
        return float(row[column].strip() or 0)


if __name__ == "__main__":
    unittest.main()
