"""Task `tracking`: runs and metric points into the tracking database. Floors: the same rows by prepared inserts."""

import contextlib
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests"))

import measure as m  # noqa: E402
import postgresql_server  # noqa: E402
import project  # noqa: E402

OURS, FLOOR = "tenure", "prepared inserts"
CALLS = {1: 400, 10: 300, 1000: 60}  # by how many metrics each logs: log-metric, log-batch
ROWS = {"runs": 1001, "params": 10_000, "metrics": 120_000, "latest_metrics": 20_001, "tags": 2004}
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
        url = f"sqlite:///{folder}/tracking.db"
        call(program, "schema", url)
        answer = call(*command, folder if command[0] == sys.executable else url)
        written[command[0]] = contents(folder)
    written[command[0]]["runs"].remove(("calls", "bench", "RUNNING"))
    for table, rows in ROWS.items():
        if len(written[command[0]][table]) != rows:
            raise m.Wrong(f"{table}: {len(written[command[0]][table])} rows, expected {rows}")
    return {"runs_seconds": answer["runs"], "points_seconds": answer["points"]}


class Sqlite:
    """New SQLite databases with tables and a run."""

    name = "sqlite"

    def __init__(self, program, folder):
        self.folder = folder
        self.run = call(program, "schema", f"sqlite:///{folder}/empty.db")["run"]

    def new(self):
        """(as Tenure names it, as the floor does)"""
        for old in self.folder.glob("calls.db*"):
            old.unlink()
        shutil.copy(self.folder / "empty.db", self.folder / "calls.db")
        return f"sqlite:///{self.folder}/calls.db", str(self.folder / "calls.db")

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(self.folder / "calls.db")) as database:
            return sorted([str(value) for value in row] for row in database.execute(query))


class Postgresql:
    """The same on a server that commits durably, too."""

    name = "postgresql"

    def __init__(self, program, server):
        self.server = server
        self.run = call(program, "schema", server.create_database("empty"))["run"]

    def new(self):
        self.server.sql("postgres", "DROP DATABASE IF EXISTS calls WITH (FORCE)")
        url = self.server.create_database("calls", "empty")
        return url, url

    def rows(self, query):
        return sorted(self.server.sql("calls", query))


def sample_calls(backend, contender, programs, logged):
    """Calls a second, and processor time of the calling process for each, by how many metrics a call logs."""
    values = {}
    for metrics, calls in CALLS.items():
        our_url, floor_url = backend.new()
        if contender == OURS:
            answer = call(programs[OURS], "calls", our_url, backend.run, str(metrics), str(calls))
        else:
            answer = call(programs[FLOOR], str(metrics), floor_url, backend.run, str(calls))
        rows = [backend.rows(f"SELECT key, CAST(value AS INTEGER), timestamp, step FROM {table}")
                for table in ("metrics", "latest_metrics")]
        if len(rows[0]) != metrics * calls:
            raise m.Wrong(f"{backend.name}, {metrics} metrics a call: {len(rows[0])} rows, expected {metrics * calls}")
        if logged.setdefault((backend.name, metrics), rows) != rows:
            raise m.Wrong(f"{backend.name}, {metrics} metrics a call: the two databases hold different rows")
        values[f"{backend.name}_{metrics}_calls"] = calls / answer["seconds"]
        values[f"{backend.name}_{metrics}_processor_ms"] = answer["processor"] / calls * 1000
    return values


def measure(options):
    program = project.build_floor("bench_tracking")
    programs = {OURS: program, FLOOR: project.build_floor("bench_raw_inserts")}
    written, logged = {}, {}
    with contextlib.ExitStack() as stack:
        backends = [Sqlite(program, pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tenure-bench-"))))]
        if postgresql_server.programs():
            backends.append(Postgresql(program, stack.enter_context(postgresql_server.PostgresqlServer())))

        def of(contender, command):
            values = sample(program, command, written)
            for backend in backends:
                values |= sample_calls(backend, contender, programs, logged)
            return values

        samples = m.interleave(options.rounds, {
            FLOOR: lambda: of(FLOOR, [sys.executable, str(HERE / "plain_sqlite.py")]),
            OURS: lambda: of(OURS, [program, "log"])})
    if written[program] != written[sys.executable]:
        raise m.Wrong("the two databases hold different rows")
    return finish(options, samples, [backend.name for backend in backends])


def finish(options, samples, backends):
    ratios = {f"seconds, {part}: tenure / sqlite3 by hand": m.median_ratio(samples, OURS, FLOOR, f"{part}_seconds")
              for part in ("runs", "points")}
    medians, rows = m.medians(samples), []
    for backend in backends:
        for metrics in CALLS:
            calls, processor = f"{backend}_{metrics}_calls", f"{backend}_{metrics}_processor_ms"
            ratio = ratios[f"calls a second, {backend}, {metrics} metrics: tenure / prepared inserts"] = m.median_ratio(
                samples, OURS, FLOOR, calls)
            rows.append((f"{backend}, {metrics} metrics a call", f"{medians[OURS][calls]:,.0f}",
                         f"{medians[FLOOR][calls]:,.0f}", f"{ratio:.2f}", f"{medians[OURS][processor]:.2f}",
                         f"{medians[FLOOR][processor]:.2f}"))
    m.print_table("tracking: 1,000 runs of 10 params and 20 metrics; 100,000 points of one metric (medians)",
                  ("", "runs s", "points s"),
                  [(name, f"{v['runs_seconds']:.2f}", f"{v['points_seconds']:.2f}") for name, v in medians.items()])
    m.print_table("one caller: calls a second, and processor ms of the caller for each (medians)",
                  ("", "tenure", "prepared inserts", "x", "tenure ms", "prepared inserts ms"), rows)
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    versions = {"sqlite": sqlite3.sqlite_version, "python": sys.version.split()[0]}
    if programs := postgresql_server.programs():
        versions["postgresql"] = m.program_version([str(programs / "postgres"), "--version"])
    return m.save("tracking", options.rounds, samples, ratios, versions,
                  ["SQLite: WAL, synchronous=FULL, foreign keys on both sides; PostgreSQL: fsync and synchronous_commit on; "
                   "three transactions a run, 1,000 points a transaction, one transaction a call"])
