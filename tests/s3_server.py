"""A real S3 server on a free port, for tests: Versity's gateway (Apache 2.0), which keeps objects in a folder."""
import http.client
import os
import socket
import subprocess

from client_environment import go_program
from tenure_process import wait_until


class S3Server:
    """Starts the server with one bucket; ends it at the end."""

    BUCKET = "tenure-test"
    # What the server and its clients share; of no worth outside of a test.
    CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test-access", "AWS_SECRET_ACCESS_KEY": "test-secret"}

    def __init__(self, folder):
        program = go_program("github.com/versity/versitygw", "v1.8.0", "cmd/versitygw")
        root, beside = folder / "buckets", folder / "metadata"
        self.bucket_folder = root / self.BUCKET
        self.bucket_folder.mkdir(parents=True)
        beside.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = ["--access", self.CREDENTIALS["AWS_ACCESS_KEY_ID"], "--keep-alive", "--quiet",
                   "--secret", self.CREDENTIALS["AWS_SECRET_ACCESS_KEY"], "--port", f"127.0.0.1:{self.port}"]
        # Metadata go into attributes of files, which not every temporary folder has.
        try:
            os.setxattr(root, "user.tenure", b"1")
            backend = ["posix", str(root)]
        except OSError:
            backend = ["posix", "--sidecar", str(beside), str(root)]
        with open(folder / "s3-server.log", "w") as log:
            self.process = subprocess.Popen([program, *options, *backend], cwd=folder, stdout=log, stderr=log)
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def url(self, prefix=""):
        """The bucket, or a prefix in it, as Tenure's configuration names it."""
        return f"s3://{self.BUCKET}{'/' * bool(prefix)}{prefix}?endpoint={self.endpoint}"

    def __enter__(self):
        wait_until(self.answers)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("the S3 server did not start")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 403  # it asks who we are
        except OSError:
            return False
        finally:
            connection.close()
