#!/usr/bin/env python3
"""Runs the tests and counts them: the C++ test binaries of a build folder and the Python tests below tests/.

Tiers (--only, may be repeated): unit (beside the code), architecture, docs, scenarios, faults, and, on demand,
clients (downloads unmodified client packages) and fuzz. The last line is 'N passed, N failed'.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEFAULT_TIERS = ("unit", "architecture", "docs", "scenarios", "faults")
ON_POSTGRESQL = ("monitoring_test", "tracking_test")  # run on both databases
PYTHON_TIERS = ("docs", "scenarios", "faults", "clients")


def run_gtest(binary, pattern, **variables):
    """Runs one GoogleTest program; returns (passed, failed, skipped, output)."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        command = [str(binary), f"--gtest_output=json:{report}", "--gtest_brief=1"]
        if pattern:
            command.append(f"--gtest_filter=*{pattern}*")
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, timeout=1500,
                                  env={**os.environ, **variables})
            output, code = done.stdout.decode(errors="replace"), done.returncode
        except subprocess.TimeoutExpired as late:
            output, code = (late.stdout or b"").decode(errors="replace") + "\ntimed out", 124
        if not report.exists():  # it crashed: one failure, whatever it had counted
            return 0, 1, 0, output + f"\n{binary.name} ended with {code} and left no report"
        result = json.loads(report.read_text())
        skipped = sum(test.get("result") == "SKIPPED" for suite in result["testsuites"] for test in suite["testsuite"])
        failed = result["failures"]
        if code != 0 and failed == 0:
            failed = 1
            output += f"\n{binary.name} ended with {code}"
        return result["tests"] - result["failures"] - skipped, failed, skipped, output


def run_on_postgresql(binary, pattern):
    """Runs one GoogleTest program on a PostgreSQL server that it starts itself."""
    if not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        return 0, 0, 1, "PostgreSQL's server is not installed (Debian package postgresql)"
    return run_gtest(binary, pattern, TENURE_TEST_DATABASE="postgresql")


def run_python(script, environment, pattern):
    """Runs one unittest file; returns (passed, failed, skipped, output)."""
    command = [sys.executable, str(ROOT / "tests" / "unittest_report.py"), str(script)]
    if pattern:
        command += ["-k", pattern]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=ROOT,
                              timeout=2400)
        output = done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return 0, 1, 0, (late.stdout or b"").decode(errors="replace") + "\ntimed out"
    *_, last = output.strip().splitlines() or [""]
    try:
        counts = json.loads(last)
        return counts["passed"], counts["failed"], counts["skipped"], output
    except (ValueError, KeyError):
        return 0, 1, 0, output + f"\n{script.name} ended with {done.returncode} and left no report"


def run_fuzz(binary, seconds):
    """Runs one libFuzzer program over its corpus and then on; a crash is a failure."""
    source = next(ROOT.glob(f"src/**/{binary.name}.cpp"))
    # Several programs may share seeds: csv_scan_fuzz and csv_table_fuzz take corpus/csv.
    name = binary.name.removesuffix("_fuzz")
    folders = [f for f in source.parent.glob("corpus/*") if name == f.name or name.startswith(f.name + "_")]
    with tempfile.TemporaryDirectory() as folder:
        command = [str(binary), f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096", folder]
        command += map(str, folders)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder)
        failed = int(done.returncode != 0)
        return 1 - failed, failed, 0, done.stdout.decode(errors="replace")


def collect(tiers, build, arguments):
    """Yields (name, function) for every test program of the chosen tiers."""
    environment = dict(os.environ, TENURE=str(build / "tenure"), PYTHONDONTWRITEBYTECODE="1",
                       PYTHONPATH=str(ROOT / "tests"))
    if "unit" in tiers:
        for binary in sorted(build.glob("*_test")):
            if binary.name != "architecture_test":
                yield binary.name, lambda b=binary: run_gtest(b, arguments.match)
            if binary.name in ON_POSTGRESQL:
                yield f"{binary.name} on PostgreSQL", lambda b=binary: run_on_postgresql(b, arguments.match)
    if "architecture" in tiers and (build / "architecture_test").exists():
        yield "architecture_test", lambda: run_gtest(build / "architecture_test", arguments.match)
    for tier in PYTHON_TIERS:
        if tier in tiers:
            for script in sorted((ROOT / "tests" / tier).glob("**/*_test.py")):
                yield f"{tier}/{script.stem}", lambda s=script: run_python(s, environment, arguments.match)
    if "fuzz" in tiers:
        for binary in sorted(build.glob("**/*_fuzz")):
            if binary.is_file():
                yield binary.name, lambda b=binary: run_fuzz(b, arguments.fuzz_seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--only", action="append", choices=(*DEFAULT_TIERS, "clients", "fuzz"), help="run this tier")
    parser.add_argument("--match", help="run only tests whose name contains this")
    parser.add_argument("--fuzz-seconds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()

    passed = failed = skipped = 0
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        started = {pool.submit(job): name for name, job in collect(arguments.only or DEFAULT_TIERS, build, arguments)}
        for future in concurrent.futures.as_completed(started):
            ok, bad, left_out, output = future.result()
            passed, failed, skipped = passed + ok, failed + bad, skipped + left_out
            print(f"{'FAILED' if bad else 'ok':>6}  {started[future]:<32} {ok} passed, {bad} failed, {left_out} skipped",
                  flush=True)
            if bad:
                print(output, flush=True)
    print(f"in {time.monotonic() - start:.0f} s")
    if passed + failed == 0:
        print("no test was run", file=sys.stderr)
        failed = 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
