"""MLflow's own HTTP tests of 2.14.2, run unchanged against our server.

They are in MLflow's repository only, not in its packages: MLFLOW_SOURCE names a checkout of v2.14.2 (its client, which
the tests use, is taken from there as well). Without it they are skipped.
"""
import os
import pathlib
import re
import subprocess
import unittest

from client_environment import MLFLOW, client_python
from tenure_process import TENURE, temporary_folder

SOURCE = os.environ.get("MLFLOW_SOURCE")
# Not of tracking, registry and artifacts: traces, gateway; and the tests of MLflow's file store.
LEFT_OUT = ("not file and not (trace or gateway or promptlab or scorer or evaluation_dataset)")
# What changed between 2.14.2 and 2.22.2, whose server fails these as well: words of messages, and the keys that tag
# mlflow.log-model.history keeps of a model.
CHANGED = {"test_create_experiment_validation[sqlalchemy]", "test_log_metric_validation[sqlalchemy]",
           "test_log_batch_validation[sqlalchemy]", "test_log_model[sqlalchemy]", "test_get_model_version[sqlalchemy]",
           # Its client cannot open a database of 2.22 by itself, and examples/ may not be there.
           "test_rest_get_model_version_artifact_api_proxied_artifact_root", "test_mlflow_artifacts_example"}

START = f"""
def command(backend, artifact_root, destination, host, port):
    return [{TENURE!r}, "up", "--grpc-port", "0"], {{
        "TENURE_STORAGE__DATABASE": backend, "TENURE_TRACKING__ARTIFACT_ROOT": artifact_root,
        "TENURE_TRACKING__ARTIFACTS_DESTINATION": destination,
        "TENURE_SERVING__HOST": host, "TENURE_SERVING__PORT": str(port)}}
"""


@unittest.skipUnless(SOURCE, "MLFLOW_SOURCE names no checkout of MLflow")
class Upstream(unittest.TestCase):
    def run_module(self, name):
        python = client_python("mlflow-upstream", *MLFLOW, "pytest==8.4.2", "pytest-timeout==2.4.0", "entrypoints==0.4")
        with temporary_folder() as folder:
            (folder / "server.py").write_text(START)
            environment = dict(os.environ, MLFLOW_TEST_SERVER=str(folder / "server.py"),
                               PYTHONPATH=f"{SOURCE}:{pathlib.Path(__file__).parent}", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
            done = subprocess.run([python, "-m", "pytest", "-p", "other_server", f"tests/tracking/{name}.py", "-k",
                                   LEFT_OUT, "-q", "--color=no", "--no-header", "-p", "no:warnings", "-rfE",
                                   "--tb=short", "-o", "addopts="], cwd=SOURCE, env=environment, capture_output=True,
                                  text=True, timeout=2400)
        failed = set(re.findall(r"^(?:FAILED|ERROR) \S+::(\S+)", done.stdout, re.MULTILINE))
        self.assertEqual(failed - CHANGED, set(), done.stdout[-20000:] + done.stderr[-4000:])
        self.assertIn(" passed", done.stdout)

    def test_rest_tracking(self):
        self.run_module("test_rest_tracking")

    def test_model_registry(self):
        self.run_module("test_model_registry")

    def test_mlflow_artifacts(self):
        self.run_module("test_mlflow_artifacts")


if __name__ == "__main__":
    unittest.main()
