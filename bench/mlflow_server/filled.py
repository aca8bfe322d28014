"""A tracking database with many runs: what both servers get a copy of."""

import random
import sqlite3
import uuid

EXPERIMENT, RUNS, METRICS, PARAMS, POINTS = 1, 100_000, 5, 5, 25_000


def fill(path):
    """Fills a database whose tables are there; returns (a run to log to, a run with a long history)."""
    database = sqlite3.connect(path)
    generator = random.Random(1)
    runs = [uuid.UUID(int=generator.getrandbits(128)).hex for _ in range(RUNS)]
    with database:
        database.execute("INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
                         " last_update_time) VALUES (?, 'bench', 'mlflow-artifacts:/1', 'active', 1, 1)", (EXPERIMENT,))
        database.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
            "source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES (?, ?, 'UNKNOWN', '', '', 'bench', "
            "'FINISHED', ?, '', 'active', ?, ?)",
            ((run, f"run-{i}", i, f"mlflow-artifacts:/1/{run}/artifacts", EXPERIMENT) for i, run in enumerate(runs)))
        database.executemany("INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', ?, ?)",
                             ((f"run-{i}", run) for i, run in enumerate(runs)))
        database.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
                             ((name, str(i % 7), run) for i, run in enumerate(runs)
                              for name in ["depth", *(f"p{p}" for p in range(1, PARAMS))]))
        rows = [(name, generator.random(), 1, run, 0) for run in runs
                for name in ["auc", *(f"m{m}" for m in range(1, METRICS))]]
        rows += [("loss", 1 / (1 + i), i, runs[0], i) for i in range(POINTS)]
        for table, some in (("metrics", rows), ("latest_metrics", rows[:RUNS * METRICS] + rows[-1:])):
            database.executemany(f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan) "
                                 "VALUES (?, ?, ?, ?, ?, 0)", some)
    database.close()
    return runs[1], runs[0]
