"""Two unmodified mlflow clients, the last of 2.x and one of 3.x, against a server that tracks alone.

What they do is in cases/: unittest files that the client's interpreter runs.
"""
import json
import os
import pathlib
import subprocess
import unittest

from client_environment import MLFLOW, MLFLOW_3, client_python
from tenure_process import ROOT, TrackingServer, temporary_folder

CASES = pathlib.Path(__file__).parent / "cases"


class Mlflow2(unittest.TestCase):
    ENVIRONMENT = ("mlflow-2.22.2", MLFLOW)

    @classmethod
    def setUpClass(cls):
        name, requirements = cls.ENVIRONMENT
        cls.python = client_python(name, *requirements)
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.server = cls.enterClassContext(TrackingServer(cls.folder))

    def run_cases(self, name):
        environment = dict(os.environ, MLFLOW_TRACKING_URI=f"http://127.0.0.1:{self.server.port}",
                           PYTHONPATH=str(CASES), PYTHONDONTWRITEBYTECODE="1", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1",
                           MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
        done = subprocess.run([self.python, ROOT / "tests" / "unittest_report.py", CASES / f"{name}.py"],
                              cwd=self.folder, env=environment, capture_output=True, text=True, timeout=900)
        counts = json.loads(done.stdout.strip().splitlines()[-1])
        self.assertEqual(counts["failed"], 0, done.stdout + done.stderr)
        self.assertGreater(counts["passed"], 0, done.stdout + done.stderr)

    def test_tracking(self):
        self.run_cases("tracking")

    def test_artifacts(self):
        self.run_cases("artifacts")

    def test_models(self):
        self.run_cases("models")


class Mlflow3(Mlflow2):
    ENVIRONMENT = ("mlflow-3.17.2", MLFLOW_3)

    def test_optuna_storage(self):
        self.run_cases("optuna_storage")


if __name__ == "__main__":
    unittest.main()
