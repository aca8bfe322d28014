"""Artifacts in S3: our store, the proxy in front of a bucket, and clients that use the bucket themselves."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest
import unittest.mock
import urllib.request

from client_environment import MLFLOW, MLFLOW_S3, client_python, run_client
from s3_server import S3Server
from tenure_process import (FAST, ROOT, TENURE, Server, TrackingServer, make_telco_project, temporary_folder, tenure,
                            tenure_json)

# Keeps keys as folders of a disk and takes those that became empty away while others write into them, so that a put
# fails: S3 has no folders. No mode of this server is without.
NOT_OF_THIS_SERVER = "*ManyWritersAndRemoversOfOneFolder*"

DIRECT = """
import json, os, pathlib, sys
import mlflow
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
experiment = client.create_experiment("direct")
run = client.create_run(experiment)
assert run.info.artifact_uri.startswith("s3://tenure-test/direct/"), run.info.artifact_uri
pathlib.Path("sent/deep").mkdir(parents=True)
pathlib.Path("sent/a.txt").write_text("alpha")
pathlib.Path("sent/deep/caf\u00e9 1+1.bin").write_bytes(bytes(range(256)) * 4000)
client.log_artifacts(run.info.run_id, "sent", "data")
print(json.dumps({"run": run.info.run_id, "uri": run.info.artifact_uri,
                  "listed": sorted((f.path, f.is_dir) for f in client.list_artifacts(run.info.run_id, "data"))}))
client.create_registered_model("in-bucket")
client.create_model_version("in-bucket", run.info.artifact_uri + "/data", run.info.run_id)
got = pathlib.Path(mlflow.artifacts.download_artifacts("models:/in-bucket/1", dst_path="got"))
assert (got / "deep/caf\u00e9 1+1.bin").read_bytes() == bytes(range(256)) * 4000
"""

MULTIPART = """
import os, pathlib, sys
import mlflow
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
content = os.urandom(1 << 20) * 17 + b"end"
pathlib.Path("large.bin").write_bytes(content)
client = MlflowClient()
run = client.create_run(client.create_experiment("parts"))
client.log_artifact(run.info.run_id, "large.bin", "deep")
got = client.download_artifacts(run.info.run_id, "deep/large.bin", str(pathlib.Path("got").absolute()))
assert pathlib.Path(got).read_bytes() == content
"""


def status_kilobytes(process, field):
    """A figure of /proc/PID/status."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(field)


class S3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.s3 = cls.enterClassContext(S3Server(cls.folder))

    def start(self, **variables):
        folder = self.enterContext(temporary_folder())
        server = self.enterContext(TrackingServer(folder, **S3Server.CREDENTIALS, **variables))
        return folder, server, f"http://127.0.0.1:{server.port}"

    def fetch(self, url, data=None, method=None, **headers):
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), answer.headers

    def test_our_store(self):
        program = pathlib.Path(TENURE).parent / "storage_test"
        done = subprocess.run([program, f"--gtest_filter=*Conformance*/s3:S3ObjectStore*:-{NOT_OF_THIS_SERVER}"],
                              env={**os.environ, **S3Server.CREDENTIALS, "TENURE_TEST_S3": self.s3.url()},
                              capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout[-20000:])
        self.assertNotIn("SKIPPED", done.stdout)
        self.assertIn("ObjectStoreConformance.GivesBackWhatWasPut/s3", done.stdout)

    def test_mlflows_client_through_the_proxy(self):
        _, _, address = self.start(TENURE_TRACKING__ARTIFACTS_DESTINATION=self.s3.url("proxied"))
        cases = ROOT / "tests" / "clients" / "mlflow" / "cases"
        environment = dict(os.environ, MLFLOW_TRACKING_URI=address, PYTHONPATH=str(cases), PYTHONDONTWRITEBYTECODE="1",
                           MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", GIT_PYTHON_REFRESH="quiet")
        done = subprocess.run([client_python("mlflow-2.22.2", *MLFLOW), ROOT / "tests" / "unittest_report.py",
                               cases / "artifacts.py"], cwd=self.folder, env=environment, capture_output=True,
                              text=True, timeout=900)
        counts = json.loads(done.stdout.strip().splitlines()[-1])
        self.assertEqual(counts["failed"], 0, done.stdout + done.stderr)
        self.assertGreater(counts["passed"], 0, done.stdout + done.stderr)
        self.assertTrue(any((self.s3.bucket_folder / "proxied").iterdir()))

    def test_uploads_in_parts_through_the_proxy(self):
        folder, _, address = self.start(TENURE_TRACKING__ARTIFACTS_DESTINATION=self.s3.url("parts"))
        python = client_python("mlflow-s3", *MLFLOW_S3)
        environment = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "5242880",
                       "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "6000000"}
        with unittest.mock.patch.dict(os.environ, environment):
            run_client(python, MULTIPART, address, cwd=folder)

    def test_the_proxy_sends_parts_and_hands_out_urls(self):
        _, _, address = self.start(TENURE_TRACKING__ARTIFACTS_DESTINATION=self.s3.url("urls"))
        artifacts = f"{address}/api/2.0/mlflow-artifacts"
        content = os.urandom(3_000_000)
        self.fetch(f"{artifacts}/artifacts/a/b%20c.bin", content, "PUT")
        status, body, headers = self.fetch(f"{artifacts}/artifacts/a/b%20c.bin", Range="bytes=1000000-1999999")
        self.assertEqual((status, headers["Content-Range"]), (206, "bytes 1000000-1999999/3000000"))
        self.assertEqual(body, content[1_000_000:2_000_000])
        told = json.loads(self.fetch(f"{artifacts}/presigned/a/b%20c.bin")[1])
        self.assertEqual(told["file_size"], len(content))
        self.assertTrue(told["url"].startswith(self.s3.endpoint), told)
        self.assertNotIn("test-secret", told["url"])
        self.assertEqual(self.fetch(told["url"])[1], content)
        self.fetch(f"{artifacts}/artifacts/a", method="DELETE")
        self.assertEqual(self.fetch(f"{artifacts}/artifacts?path=a")[1], b"{}")

    def test_memory_does_not_depend_on_the_size_of_a_file(self):
        _, server, address = self.start(TENURE_TRACKING__ARTIFACTS_DESTINATION=self.s3.url("large"))
        target = f"{address}/api/2.0/mlflow-artifacts/artifacts/large.bin"
        self.fetch(target, b"x", "PUT")  # what is needed once is there
        before = status_kilobytes(server.process, "VmRSS")
        content = os.urandom(1 << 20) * 150
        self.fetch(target, content, "PUT")
        self.assertEqual(self.fetch(target)[1], content)
        self.assertLess(status_kilobytes(server.process, "VmHWM") - before, 64 * 1024)

    def test_clients_that_use_the_bucket_themselves(self):
        folder, server, address = self.start(TENURE_TRACKING__ARTIFACT_ROOT=self.s3.url("direct"))
        with unittest.mock.patch.dict(os.environ, {**S3Server.CREDENTIALS, "MLFLOW_S3_ENDPOINT_URL": self.s3.endpoint,
                                                   "AWS_DEFAULT_REGION": "us-east-1"}):
            said = run_client(client_python("mlflow-s3", *MLFLOW_S3), DIRECT, address, cwd=folder)
        facts = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        self.assertEqual(facts["listed"], [["data/a.txt", False], ["data/deep", True]])
        run = facts["run"]
        # What we say of it.
        listed = server.request("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}&path=data")[1]
        self.assertEqual([f["path"] for f in listed["files"]], ["data/a.txt", "data/deep"])
        self.assertEqual(self.fetch(f"{address}/get-artifact?run_id={run}&path=data/a.txt")[1], b"alpha")
        status, body, _ = self.fetch(f"{address}/get-artifact?run_id={run}&path=data/deep/caf%C3%A9%201%2B1.bin",
                                     Range="bytes=512-1023")
        self.assertEqual((status, body), (206, bytes(range(256)) * 2))
        self.assertEqual(self.fetch(f"{address}/model-versions/get-artifact?name=in-bucket&version=1&path=a.txt")[1],
                         b"alpha")
        # A URL to upload to, past us and without credentials.
        status, told = server.request("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url",
                                      {"run_id": run, "path": "data/by url.txt", "expiration": 60},
                                      {"Content-Type": "application/json"})
        self.assertEqual(status, 200, told)
        self.fetch(told["presigned_url"], b"sent past", "PUT")
        self.assertEqual(self.fetch(f"{address}/get-artifact?run_id={run}&path=data/by%20url.txt")[1], b"sent past")
        status, told = server.request("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url",
                                      {"run_id": run, "path": "x", "expiration": 604801},
                                      {"Content-Type": "application/json"})
        self.assertEqual(status, 400, told)

    def test_a_project_that_keeps_everything_in_a_bucket(self):
        folder = self.enterContext(temporary_folder())
        variables = {**S3Server.CREDENTIALS, "TENURE_STORAGE__OBJECTS": self.s3.url("project")}
        project = make_telco_project(folder / "project")
        tenure("run", *FAST, cwd=project, **variables)
        self.assertTrue(list(self.s3.bucket_folder.glob("project/artifacts/1/*/artifacts/model/MLmodel")))
        with Server(project, "--grpc-port", "0", **variables) as server:
            self.assertEqual(server.request("GET", "/ready")[0], 200)
            self.assertEqual(server.request("GET", "/model-info")[1]["version"], 1)
        tenure("admin", "backup", folder / "copy", cwd=project, **variables)
        self.assertTrue(list((folder / "copy").glob("**/artifacts/1/*/artifacts/model/MLmodel")))
        # And back, into another place of the bucket.
        other = folder / "other"
        other.mkdir()
        shutil.copy(project / "tenure.yaml", other)
        variables["TENURE_STORAGE__OBJECTS"] = self.s3.url("restored")
        tenure("admin", "restore", folder / "copy", cwd=other, **variables)
        self.assertTrue(list(self.s3.bucket_folder.glob("restored/artifacts/1/*/artifacts/model/MLmodel")))
        shutil.rmtree(self.s3.bucket_folder / "project")
        with Server(other, "--grpc-port", "0", **variables) as server:
            self.assertEqual(server.request("GET", "/model-info")[1]["version"], 1)
        report = tenure_json("admin", "doctor", cwd=other, **variables)
        states = {check["check"]: check["state"] for check in report["checks"]}
        self.assertEqual((states["storage.objects"], states["model"]), ("ok", "ok"), report)

    def test_the_doctor_tells_when_a_bucket_does_not_answer(self):
        folder = self.enterContext(temporary_folder())
        project = make_telco_project(folder / "project")
        variables = {**S3Server.CREDENTIALS, "TENURE_TRACKING__ARTIFACTS_DESTINATION": self.s3.url("seen")}

        def destination(**more):
            done = tenure("admin", "doctor", "--json", cwd=project, check=False, **{**variables, **more})
            checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
            return checks["tracking.artifacts_destination"]

        self.assertEqual(destination()["state"], "ok")
        self.assertEqual(destination(AWS_SECRET_ACCESS_KEY="wrong")["state"], "failed")
        nobody = self.s3.url("seen").replace(str(self.s3.port), "1")
        self.assertEqual(destination(TENURE_TRACKING__ARTIFACTS_DESTINATION=nobody)["state"], "failed")

    def test_urls_to_download_from_and_credentials_of_a_file(self):
        folder = self.enterContext(temporary_folder())
        keys = S3Server.CREDENTIALS
        (folder / "credentials").write_text(f"[team]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
                                            f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n")
        server = self.enterContext(TrackingServer(
            folder, AWS_SHARED_CREDENTIALS_FILE=str(folder / "credentials"), AWS_PROFILE="team",
            TENURE_TRACKING__ARTIFACTS_DESTINATION=self.s3.url("files")))
        headers = {"Content-Type": "application/json"}
        run = server.request("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, headers)[1]["run"]["info"]
        below = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
        self.fetch(f"http://127.0.0.1:{server.port}/api/2.0/mlflow-artifacts/artifacts/{below}/a/b.txt", b"some", "PUT")
        status, told = server.request("POST", "/api/2.0/mlflow/artifacts/presigned-download-url",
                                      {"run_id": run["run_id"], "path": "a/b.txt"}, headers)
        self.assertEqual((status, told.get("file_size")), (200, 4), told)
        self.assertEqual(self.fetch(told["presigned_url"])[1], b"some")
        self.assertEqual(server.request("POST", "/api/2.0/mlflow/artifacts/presigned-download-url",
                                        {"run_id": run["run_id"], "path": "none"}, headers)[0], 404)

    def test_without_credentials_the_server_says_what_is_missing(self):
        with temporary_folder() as folder:
            done = subprocess.run([TENURE, "up", "--port", "0", "--grpc-port", "0"], cwd=folder, capture_output=True,
                                  text=True, timeout=60,
                                  env={**os.environ, "TENURE_STORAGE__DATABASE": f"sqlite:///{folder}/m.db",
                                       "TENURE_TRACKING__ARTIFACTS_DESTINATION": self.s3.url()})
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("AWS_ACCESS_KEY_ID", done.stderr)


if __name__ == "__main__":
    unittest.main()
