"""Load: wrk for throughput (closed loop), bench_fixed_rate for latency (open loop)."""

import json
import os
import pathlib
import shutil
import subprocess

from measure import Skip, Wrong, last_json_object

HERE = pathlib.Path(__file__).resolve().parent


def wrk_program():
    path = shutil.which("wrk")
    if not path:
        raise Skip("wrk is missing: apt-get install wrk")
    return path


def closed_loop(port, path, bodies, seconds, connections):
    """One slice: requests a second and percentiles in microseconds; any error is Wrong."""
    command = [
        wrk_program(), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
        "-s", str(HERE / "cycle.lua"), f"http://127.0.0.1:{port}{path}",
    ]
    answer = subprocess.run(
        command, env=os.environ | {"BODIES": str(bodies)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=seconds + 30,
    )
    if answer.returncode != 0:
        raise Wrong(f"wrk {path}: {answer.stderr.strip() or answer.stdout.strip()[-300:]}")
    sample = last_json_object(answer.stdout)
    if sample["errors"] or not sample["requests"]:
        raise Wrong(f"POST {path}: {sample['errors']} errors in {sample['requests']} requests")
    return {
        "requests_per_s": sample["requests"] / sample["seconds"],
        "p50_us": sample["p50_us"],
        "p99_us": sample["p99_us"],
    }


def open_loop(program, port, path, bodies, rate, seconds, connections):
    """One slice at a fixed rate, latencies counted from when a request was due."""
    answer = subprocess.run(
        [program, "127.0.0.1", str(port), path, str(bodies), str(rate), str(seconds), str(connections)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 30,
    )
    if answer.returncode != 0:
        raise Wrong(f"fixed rate {path}: {answer.stderr.strip() or answer.stdout.strip()}")
    sample = json.loads(answer.stdout)
    return {key: sample[key] for key in ("rate", "p50_us", "p99_us", "p999_us")}
