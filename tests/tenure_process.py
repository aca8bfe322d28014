"""Drives the tenure program for tests: commands, a server, HTTP. Standard library only."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TENURE = os.environ.get("TENURE", str(ROOT / "build" / "tenure"))

# Exit codes of the error table (src/core/error.cpp).
EXIT_INVALID, EXIT_NOT_FOUND, EXIT_CONFLICT, EXIT_PERMISSION = 2, 3, 4, 5
EXIT_EXHAUSTED, EXIT_UNAVAILABLE, EXIT_CORRUPT = 6, 7, 8
EXIT_CANCELLED = 130


def wait_until(condition, seconds=60, pause=0.02):
    """Looks until the condition holds; fails the test when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(pause)


def tenure(*arguments, cwd=None, check=True, timeout=600, **variables):
    """Runs a command; returns CompletedProcess with text output."""
    environment = {**os.environ, **variables}
    done = subprocess.run([TENURE, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True,
                          timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"tenure {arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def tenure_json(*arguments, **options):
    """Runs a command with --json and parses its answer."""
    return json.loads(tenure(*arguments, "--json", **options).stdout)


@contextlib.contextmanager
def temporary_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tenure-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# A small project that trains in about a second, for tests that need a model and not a good one.
FAST = ("--set", "data.generate.rows=1500", "--set", "model.rounds=40", "--set", "model.preset=light")


def make_telco_project(folder):
    tenure("init", "--template", "telco", folder)
    return folder


def exchange(connection, method, path, body=None, headers=None):
    """One request over a new connection: (status, parsed JSON or text). Lists and objects are sent as JSON."""
    with contextlib.closing(connection):
        payload = json.dumps(body) if isinstance(body, (dict, list)) else body
        connection.request(method, path, payload, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


class Server:
    """`tenure up` on a free port; stops it at the end and checks that it ended well."""

    def __init__(self, project, *arguments, **variables):
        self.process = subprocess.Popen([TENURE, "up", "--port", "0", "--json", *arguments], cwd=project, text=True,
                                        env={**os.environ, **variables}, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the server did not start: {self.process.communicate()[1]}")
        self.facts = json.loads(line)
        self.port = int(self.facts["address"].rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def stop(self, signal_number=signal.SIGTERM):
        self.process.send_signal(signal_number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def request(self, method, path, body=None, headers=None):
        """Returns (status, parsed JSON or text)."""
        return exchange(self.connect(), method, path, body, headers)

    def predict(self, body):
        return self.request("POST", "/predict", body, {"Content-Type": "application/json"})


class TrackingServer(Server):
    """A server of tracking, registry and artifacts alone: no project, everything in `folder`."""

    def __init__(self, folder, *arguments, **variables):
        super().__init__(folder, "--grpc-port", "0", *arguments,
                         **{"TENURE_STORAGE__DATABASE": f"sqlite:///{folder}/mlflow.db",
                            "TENURE_TRACKING__ARTIFACTS_DESTINATION": str(folder / "mlartifacts"), **variables})
