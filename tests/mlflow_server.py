"""MLflow's own server, for comparing and for sharing a database with it."""
import contextlib
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from tenure_process import wait_until


@contextlib.contextmanager
def mlflow_server(python, url, folder, **variables):
    """The real `mlflow server` on a database; gives its address. Its artifacts and its log lie in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with open(folder / "mlflow-server.log", "w+") as log:
        server = subprocess.Popen(
            [python, "-m", "mlflow", "server", "--backend-store-uri", url, "--artifacts-destination", str(folder / "served"),
             "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            cwd=folder, env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **variables}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)

        def answers():
            if server.poll() is not None:
                log.seek(0)
                raise AssertionError(f"mlflow server ended:\n{log.read()[-2000:]}")
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                    return answer.status == 200
            except (urllib.error.URLError, OSError):
                return False

        try:
            wait_until(answers, seconds=180, pause=0.2)
            yield address
        finally:  # its workers do not always go with it
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(30)
