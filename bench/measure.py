"""What every benchmark task shares: rounds in turn, medians, the machine, the result file, a table."""

import datetime
import json
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"


class Skip(Exception):
    """The task cannot run on this machine; the message says what is missing and how to get it."""


class Wrong(Exception):
    """An answer is not what it must be: a fast wrong answer is no result."""


def interleave(rounds, contenders):
    """Runs the contenders in turn, A B C A B C ..., and returns {name: [sample, ...]}.

    A contender is a function without arguments that returns a flat dict of numbers. The machine's
    noise then falls on all of them alike, so ratios hold where times do not.
    """
    samples = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, measure in contenders.items():
            progress(f"round {number}/{rounds}: {name}")
            samples[name].append(measure())
    progress("")
    return samples


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(f"bench: {text}", file=sys.stderr, flush=True)


def medians(samples):
    """{name: {quantity: median over the rounds}}."""
    return {
        name: {key: statistics.median(s[key] for s in rounds) for key in rounds[0]}
        for name, rounds in samples.items()
        if rounds
    }


def median_ratio(samples, above, below, key):
    """Median over the rounds of above/below, each pair from the same round."""
    return statistics.median(a[key] / b[key] for a, b in zip(samples[above], samples[below]))


def machine():
    def field(path, name):
        try:
            with open(path, encoding="utf-8") as file:
                for line in file:
                    key, _, value = line.partition(":" if ":" in line else "=")
                    if key.strip() == name:
                        return value.strip().strip('"')
        except OSError:
            pass
        return "unknown"

    return {
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "system": field("/etc/os-release", "PRETTY_NAME"),
        "load_average": os.getloadavg()[0],
    }


def program_version(command):
    """First line that a program prints when asked for its version; "unknown" when it cannot."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (answer.stdout or answer.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def save(task, rounds, samples, ratios, versions, notes=()):
    """Writes bench/results/<date>-<task>.json and returns its path."""
    now = datetime.datetime.now(datetime.timezone.utc)
    record = {
        "task": task,
        "date": now.isoformat(timespec="seconds"),
        "command": shlex.join([pathlib.Path(text).name if text.startswith("/") else text
                               for text in ["bench/run.py", *sys.argv[1:]]]),
        "commit": commit(),
        "machine": machine(),
        "versions": versions,
        "rounds": rounds,
        "ratios": {name: round(value, 4) for name, value in ratios.items()},
        "medians": medians(samples),
        "samples": samples,
        "notes": list(notes),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{now.date().isoformat()}-{task}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def commit():
    answer = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        capture_output=True, text=True,
    )
    return answer.stdout.strip() or "unknown"


def print_table(title, header, rows):
    texts = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in texts) for i in range(len(header))]
    print(f"\n{title}")
    for row in texts:
        first, rest = row[0].ljust(widths[0]), zip(row[1:], widths[1:])
        print("  " + "  ".join([first, *(cell.rjust(width) for cell, width in rest)]))


def last_json_object(text):
    """The last JSON object at the top level of a text: what `--json` commands end with."""
    decoder = json.JSONDecoder()
    found, position = None, text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
            found = value
        except json.JSONDecodeError:
            end = position + 1
        position = text.find("{", end)
    if found is None:
        raise Wrong("no JSON object in the output")
    return found
