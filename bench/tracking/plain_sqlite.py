#!/usr/bin/env python3
"""The floor of bench/tracking: the same rows through Python's sqlite3, as durable, nothing checked.

    plain_sqlite.py FOLDER

Writes into FOLDER/tracking.db, which has the schema and one experiment. As many transactions as Tenure
makes: a run begins, logs, and ends; points come in batches of 1,000.
"""

import json
import pathlib
import sqlite3
import sys
import time
import uuid

RUNS, PARAMS, METRICS, POINTS, BATCH = 1000, 10, 20, 100_000, 1000
METRIC = "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
LATEST = ("INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
          " ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, "
          "timestamp = excluded.timestamp, step = excluded.step")


def begin_run(database, experiment, name):
    run = uuid.uuid4().hex
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
            "start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES "
            "(?, ?, 'UNKNOWN', '', '', 'bench', 'RUNNING', ?, '', 'active', ?, ?)",
            (run, name, int(time.time() * 1000), f"file:///{run}/artifacts", experiment))
        database.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)",
                             [("mlflow.runName", name, run), ("mlflow.user", "bench", run)])
    return run


def log_run(database, run, number):
    rows = [(f"metric_{i}", number + i / 64.0, 1_700_000_000_000 + number, run, 0) for i in range(METRICS)]
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
                             [(f"param_{i}", str(number * 100 + i), run) for i in range(PARAMS)])
        database.executemany(METRIC, rows)
        database.executemany(LATEST, rows)


def end_run(database, run):
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE runs SET status = 'FINISHED', end_time = ? WHERE run_uuid = ?",
                         (int(time.time() * 1000), run))


def log_points(database, run, first):
    rows = [("loss", 1.0 / (1 + i), 1_700_000_000_000 + i, run, i) for i in range(first, first + BATCH)]
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.executemany(METRIC, rows)
        database.execute(LATEST, rows[-1])


def main():
    database = sqlite3.connect(pathlib.Path(sys.argv[1]) / "tracking.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        database.execute(f"PRAGMA {pragma}")
    experiment = database.execute("SELECT experiment_id FROM experiments WHERE name = 'bench'").fetchone()[0]
    start = time.perf_counter()
    for number in range(RUNS):
        run = begin_run(database, experiment, f"run-{number}")
        log_run(database, run, number)
        end_run(database, run)
    runs = time.perf_counter() - start
    run = begin_run(database, experiment, "long")
    start = time.perf_counter()
    for first in range(0, POINTS, BATCH):
        log_points(database, run, first)
    print(json.dumps({"runs": runs, "points": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
