"""A tracking database with many runs: what both servers get a copy of."""

import random
import sqlite3
import subprocess
import uuid

EXPERIMENT, RUNS, RUNS_QUICK, METRICS, PARAMS, POINTS = 1, 100_000, 10_000, 5, 5, 25_000
METRIC_COLUMNS = ("key", "value", "timestamp", "run_uuid", "step", "is_nan")


class Filling:
    """The rows of each table, the same ones each time: `runs` of them, one to log to, one with a long history."""

    def __init__(self, runs):
        generator = random.Random(1)
        self.runs = [uuid.UUID(int=generator.getrandbits(128)).hex for _ in range(runs)]
        self.run, self.long_run = self.runs[1], self.runs[0]
        self.latest = [(name, generator.random(), 1, run, 0, False) for run in self.runs
                       for name in ["auc", *(f"m{m}" for m in range(1, METRICS))]]
        self.series = [("loss", 1 / (1 + i), i, self.long_run, i, False) for i in range(POINTS)]

    def tables(self):
        """(table, columns, rows), in an order that foreign keys take."""
        yield ("experiments", ("experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time",
                               "last_update_time"), [(EXPERIMENT, "bench", "mlflow-artifacts:/1", "active", 1, 1)])
        yield ("runs", ("run_uuid", "name", "source_type", "source_name", "entry_point_name", "user_id", "status",
                        "start_time", "source_version", "lifecycle_stage", "artifact_uri", "experiment_id"),
               [(run, f"run-{i}", "UNKNOWN", "", "", "bench", "FINISHED", i, "", "active",
                 f"mlflow-artifacts:/1/{run}/artifacts", EXPERIMENT) for i, run in enumerate(self.runs)])
        yield "tags", ("key", "value", "run_uuid"), [("mlflow.runName", f"run-{i}", r) for i, r in enumerate(self.runs)]
        yield ("params", ("key", "value", "run_uuid"),
               [(name, str(i % 7), run) for i, run in enumerate(self.runs)
                for name in ["depth", *(f"p{p}" for p in range(1, PARAMS))]])
        yield "metrics", METRIC_COLUMNS, self.latest + self.series
        yield "latest_metrics", METRIC_COLUMNS, self.latest + self.series[-1:]


def fill_sqlite(filling, path):
    """Fills a database whose tables are there."""
    database = sqlite3.connect(path)
    with database:
        for table, columns, rows in filling.tables():
            database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)
    database.close()


def fill_postgresql(filling, server, database):
    """The same by COPY; with statistics, which a database that grew by itself has, too."""
    command = [server.programs / "psql", server.url(database), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    for table, columns, rows in filling.tables():
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
        subprocess.run([*command, "-c", f"\\copy {table} ({', '.join(columns)}) FROM STDIN"], input=text, text=True, check=True,
                       capture_output=True, timeout=300)
    subprocess.run([*command, "-c", "VACUUM ANALYZE"], check=True, capture_output=True, timeout=300)
