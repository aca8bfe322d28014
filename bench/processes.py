"""Servers under test: started on a free loopback port, stopped by their process id."""

import contextlib
import http.client
import json
import socket
import subprocess
import time

from measure import Wrong

STOP_SECONDS = 15


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, log, **options):
    """A process for the length of a `with`; its output goes to the file `log`."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process):
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def wait_until_ok(process, port, path, log, seconds=30, pause=0.001):
    """Returns when GET path answers 200. Errors: Wrong when the process ends or time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Wrong(f"the server ended with status {process.returncode}; see {tail(log)}")
        try:
            if request(port, "GET", path, timeout=1)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(pause)
    raise Wrong(f"no 200 on {path} within {seconds} s; see {tail(log)}")


def tail(log, characters=600):
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read()[-characters:]


def request(port, method, path, body=None, timeout=10):
    """Status and bytes of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def post_json(port, path, value, timeout=10):
    status, body = request(port, "POST", path, json.dumps(value), timeout)
    if status != 200:
        raise Wrong(f"POST {path} answered {status}: {body[:300]!r}")
    return json.loads(body)


def resident_kib(pid):
    """VmRSS of a process and its children, in KiB."""
    total = 0
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            for child in file.read().split():
                total += resident_kib(int(child))
    return total
