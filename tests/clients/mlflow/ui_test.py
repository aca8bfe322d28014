"""MLflow's own web interface, as its wheels carry it, served by us and walked through in a real browser."""
import os
import pathlib
import subprocess
import sys
import unittest

from client_environment import MLFLOW, MLFLOW_3, PLAYWRIGHT, client_python, run_client
from tenure_process import TrackingServer, temporary_folder

# Two runs with curves, an artifact and a registered model, logged by the client of the same release.
FILL = """
import json, sys
import mlflow, numpy, pandas, xgboost
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("churn of spring")
x = pandas.DataFrame({"tenure": numpy.arange(60.0), "charges": numpy.arange(60.0)[::-1]})
y = (x.tenure < 30).astype(int)
runs = []
for name, depth in (("shallow", 2), ("deep", 6)):
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_params({"depth": depth, "eta": 0.1})
        for step in range(40):
            mlflow.log_metric("auc", 0.5 + step / 100 + depth / 50, step=step)
        mlflow.log_text("what was done", "notes/readme.txt")
        mlflow.log_input(mlflow.data.from_pandas(x, name="customers"), "training")
        booster = xgboost.train({"max_depth": depth}, xgboost.DMatrix(x, y), 3)
        named = {"name" if int(mlflow.__version__.split(".")[0]) >= 3 else "artifact_path": "model"}
        mlflow.xgboost.log_model(booster, registered_model_name="telco-churn", **named)
        runs.append(run.info.run_id)
client = MlflowClient()
client.set_registered_model_alias("telco-churn", "champion", 2)
client.update_registered_model("telco-churn", "Who will leave")
print(json.dumps({"runs": runs, "major": int(mlflow.__version__.split(".")[0]),
                  "experiment": client.get_experiment_by_name("churn of spring").experiment_id}))
"""


class WebInterface(unittest.TestCase):
    """The pages show what was logged, nothing fails, and the browser's console has no errors."""

    def walk(self, name, requirements):
        python = client_python(name, *requirements)
        found = subprocess.run([python, "-c", "import mlflow, os; print(os.path.dirname(mlflow.__file__))"],
                               capture_output=True, text=True, check=True).stdout.strip()
        folder = self.enterContext(temporary_folder())
        server = self.enterContext(TrackingServer(
            folder, TENURE_TRACKING__UI=str(pathlib.Path(found, "server", "js", "build"))))
        address = f"http://127.0.0.1:{server.port}"
        facts = run_client(python, FILL, address, cwd=folder).strip().splitlines()[-1]
        browser = client_python("playwright", *PLAYWRIGHT)
        pictures = os.environ.get("TENURE_TEST_PICTURES", str(folder / "pictures"))
        done = subprocess.run([browser, pathlib.Path(__file__).parent / "cases" / "browse.py", address, facts,
                               f"{pictures}/{name}"], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_of_the_last_2_x(self):
        self.walk("mlflow-2.22.2", MLFLOW)

    def test_of_3_x(self):
        self.walk("mlflow-3.17.2", MLFLOW_3)


if __name__ == "__main__":
    unittest.main()
