#!/usr/bin/env python3
"""Runs benchmark tasks and prints a table of ratios: what `./dev bench [task...]` calls.

    python3 bench/run.py [TASK...] [--rounds N] [--data FILE] [--project FOLDER] [--quick]

Exit status: 0 when all tasks ran, 1 when an answer was wrong or a task failed, 3 when a task was
skipped because something is not installed.
"""

import argparse
import importlib.util
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from measure import ROOT, Skip, Wrong  # noqa: E402

TASKS = ("run", "predict", "serve_python", "startup", "own_table", "evaluator", "score", "join",
         "materialize", "online_reads", "tracking", "mlflow_server")
ROUNDS_MIN = 5
SECONDS_MAX = 1800
LOAD_MAX = 0.5  # per core, before anything was started


def load(task):
    """The module bench/<task>/task.py."""
    spec = importlib.util.spec_from_file_location(f"task_{task}", HERE / task / "task.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class OutOfTime(Exception):
    """SECONDS_MAX is over."""


def limit_time():
    """Ends the task that begins now after SECONDS_MAX; what it started is stopped on the way out."""

    def give_up(*_):
        raise OutOfTime(f"not done after {SECONDS_MAX} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS_MAX)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="task", help=f"of {', '.join(TASKS)}; default: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS_MIN, help="rounds in turn (default: 5)")
    parser.add_argument("--tenure", default=str(ROOT / "build" / "tenure"), help="the program")
    parser.add_argument("--project", default=str(ROOT / "examples" / "telco"), help="project to copy")
    parser.add_argument("--data", type=pathlib.Path, help="CSV instead of the project's own")
    parser.add_argument("--connections", type=int, default=32, help="of the load (default: 32)")
    parser.add_argument("--seconds", type=float, default=3, help="of one slice of load (default: 3)")
    parser.add_argument("--quick", action="store_true", help="own_table: three small tables only; score, online_reads, mlflow_server: fewer rows")
    given = parser.parse_args()
    for task in given.tasks:
        if task not in TASKS:
            parser.error(f"unknown task '{task}'; there are {', '.join(TASKS)}")
    if given.rounds < ROUNDS_MIN:
        print(f"bench: fewer than {ROUNDS_MIN} rounds show little; fine for a smoke test", file=sys.stderr)
    if given.data:
        given.data = given.data.resolve()
        if not given.data.is_file():
            parser.error(f"--data: {given.data} is no file")
    return given


def main():
    options = parse_arguments()
    if os.getloadavg()[0] > LOAD_MAX * os.cpu_count():
        print("bench: the machine is busy with other work; two threads of training that wait for each "
              "other suffer most, so results will not repeat", file=sys.stderr)
    status = 0
    for task in options.tasks or TASKS:
        limit_time()
        try:
            path = load(task).measure(options)
            print(f"  details: {path.relative_to(ROOT)}")
        except Skip as reason:
            print(f"\n{task}: skipped: {reason}", file=sys.stderr)
            status = status or 3
        except Wrong as reason:
            print(f"\n{task}: failed: {reason}", file=sys.stderr)
            status = 1
        except OutOfTime as reason:
            print(f"\n{task}: {reason}", file=sys.stderr)
            status = 1
        except (OSError, subprocess.SubprocessError) as reason:
            print(f"\n{task}: failed: {type(reason).__name__}: {reason}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
