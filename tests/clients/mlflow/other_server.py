"""pytest plugin (-p other_server): MLflow's own HTTP tests, against the server of another program.

MLflow's tests start their server in three ways; each is replaced before the test modules are imported. What is started
is the command in MLFLOW_TEST_SERVER, a Python file with `command(backend, artifact_root, destination, host, port)` that
returns (arguments, environment).
"""
import contextlib
import os
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest

HOST = "127.0.0.1"
start = runpy.run_path(os.environ["MLFLOW_TEST_SERVER"])["command"]


def wait_for_port(process, port, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        time.sleep(0.02)
    raise RuntimeError("the server does not listen")


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def launch(backend, root, destination, host, port, extra=None):
    arguments, variables = start(backend, root, destination, host, port)
    process = subprocess.Popen(arguments, env={**os.environ, **variables, **(extra or {})})
    wait_for_port(process, port)
    return process


@contextlib.contextmanager
def init_server(backend_uri, root_artifact_uri, extra_env=None, app=None, **_):
    import mlflow

    if not backend_uri.startswith("sqlite:"):
        pytest.skip("the file store is MLflow's own")
    mlflow.set_tracking_uri(None)
    port = free_port()
    destination = tempfile.mkdtemp(prefix="mlflow-destination-")
    process = launch(backend_uri, root_artifact_uri, destination, HOST, port, extra_env)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(destination, ignore_errors=True)


def launch_artifact_server(host, port, backend_store_uri, default_artifact_root, artifacts_destination):
    return launch(backend_store_uri, default_artifact_root, artifacts_destination, host, port)


def pytest_configure(config):
    from tests.tracking import integration_test_utils

    integration_test_utils._init_server = init_server


def pytest_collection_modifyitems(config, items):
    module = sys.modules.get("tests.tracking.test_mlflow_artifacts")
    if module is not None:
        module._launch_server = launch_artifact_server
