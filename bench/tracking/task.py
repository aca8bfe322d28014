"""Task `tracking`: runs and metric points into the tracking database. Floor: the same rows by sqlite3."""

import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

import measure as m
import project

HERE = pathlib.Path(__file__).resolve().parent
ROWS = {"runs": 1001, "params": 10_000, "metrics": 120_000, "latest_metrics": 20_001, "tags": 2002}
# What was logged, without what is random or of the clock.
CONTENTS = {
    "params": "SELECT r.name, p.key, p.value FROM params p JOIN runs r USING (run_uuid)",
    "metrics": "SELECT r.name, m.key, m.value, m.timestamp, m.step, m.is_nan FROM metrics m JOIN runs r "
               "USING (run_uuid)",
    "latest_metrics": "SELECT r.name, m.key, m.value, m.timestamp, m.step, m.is_nan FROM latest_metrics m "
                      "JOIN runs r USING (run_uuid)",
    "tags": "SELECT r.name, t.key, t.value FROM tags t JOIN runs r USING (run_uuid)",
    "runs": "SELECT name, user_id, CASE name WHEN 'long' THEN '' ELSE status END FROM runs",
}


def call(*command):
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if answer.returncode != 0:
        raise m.Wrong(answer.stderr.strip()[-500:])
    return json.loads(answer.stdout) if answer.stdout.strip() else {}


def contents(folder):
    database = sqlite3.connect(pathlib.Path(folder) / "tracking.db")
    try:
        return {table: sorted(database.execute(query).fetchall()) for table, query in CONTENTS.items()}
    finally:
        database.close()


def sample(program, command, written):
    """One contender on a new database; its rows go to `written` for comparison."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        call(program, "schema", folder)
        answer = call(*command, folder)
        written[command[0]] = contents(folder)
    for table, rows in ROWS.items():
        if len(written[command[0]][table]) != rows:
            raise m.Wrong(f"{table}: {len(written[command[0]][table])} rows, expected {rows}")
    return {"runs_seconds": answer["runs"], "points_seconds": answer["points"]}


def measure(options):
    program = project.build_floor("bench_tracking")
    written = {}

    def ours():
        return sample(program, [program, "log"], written)

    def plain():
        return sample(program, [sys.executable, str(HERE / "plain_sqlite.py")], written)

    samples = m.interleave(options.rounds, {"sqlite3 by hand": plain, "tenure": ours})
    if written[program] != written[sys.executable]:
        raise m.Wrong("the two databases hold different rows")
    ratios = {
        f"tenure / sqlite3 by hand, {part}": m.median_ratio(samples, "tenure", "sqlite3 by hand",
                                                            f"{part}_seconds")
        for part in ("runs", "points")
    }
    m.print_table("tracking: 1,000 runs of 10 params and 20 metrics; 100,000 points of one metric (medians)",
                  ("", "runs s", "points s"),
                  [(name, f"{v['runs_seconds']:.2f}", f"{v['points_seconds']:.2f}")
                   for name, v in m.medians(samples).items()])
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    return m.save("tracking", options.rounds, samples, ratios,
                  {"sqlite": sqlite3.sqlite_version, "python": sys.version.split()[0]},
                  ["WAL, synchronous=FULL, foreign keys on both sides; three transactions a run, "
                   "1,000 points a transaction"])
