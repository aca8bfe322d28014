"""Task `mlflow_server`: the tracking API against the real `mlflow server`, on copies of one database of SQLite and of
PostgreSQL."""

import contextlib
import filecmp
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tests")]

import environment  # noqa: E402
import filled  # noqa: E402
import measure as m  # noqa: E402
import postgresql_server  # noqa: E402
import processes  # noqa: E402

OURS, THEIRS = "tenure", "mlflow server"
REQUIREMENTS = HERE / "requirements.txt"
OPERATIONS = ("log_metric", "log_batch_10", "log_batch_1000", "create_run", "search_runs", "search_runs_by_metric",
              "metric_history")
BACKENDS = ("sqlite", "postgresql")
ARTIFACT_MIB = 128
CONNECTIONS = 8
ONE_BY_ONE = ("search_runs_by_metric",)  # eight of these at once keep mlflow's workers busy for minutes
SLOW_SECONDS = 60
SLICE_SECONDS = 5  # MLflow's slowest operations need this for a few requests


@contextlib.contextmanager
def tenure_server(options, folder, database):
    port, log = processes.free_port(), folder / "tenure.log"
    variables = os.environ | {
        "TENURE_STORAGE__DATABASE": database, "TENURE_SERVING__PORT": str(port),
        "TENURE_SERVING__GRPC": "false", "TENURE_TRACKING__ARTIFACTS_DESTINATION": str(folder / "ours")}
    with processes.running([options.tenure, "up"], log, cwd=folder, env=variables) as server:
        processes.wait_until_ok(server, port, "/health", log)
        yield server, port


@contextlib.contextmanager
def mlflow_server(folder, database):
    port, log = processes.free_port(), folder / "mlflow.log"
    program = pathlib.Path(environment.interpreter(REQUIREMENTS)).parent
    command = [str(program / "mlflow"), "server", "--backend-store-uri", database,
               "--artifacts-destination", str(folder / "theirs"), "--host", "127.0.0.1", "--port", str(port),
               "--workers", str(os.cpu_count())]
    variables = os.environ | {"PATH": f"{program}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    with processes.running(command, log, cwd=folder, env=variables, start_new_session=True) as server:
        try:
            processes.wait_until_ok(server, port, "/health", log, seconds=120, pause=0.2)
            yield server, port
        finally:  # its workers do not always go with it
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def load(port, operation, facts, seconds):
    """One slice of one operation: requests a second. A server too slow for one request in it gets a longer one."""
    facts["SEED"] = str(int(time.time() * 1e6))
    connections = 1 if operation in ONE_BY_ONE else CONNECTIONS
    for length in (seconds, SLOW_SECONDS):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{length}s", "--timeout", f"{SLOW_SECONDS}s", "-s", str(HERE / "requests.lua"), f"http://127.0.0.1:{port}"]
        answer = subprocess.run(command, env=os.environ | facts | {"OPERATION": operation}, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=length + SLOW_SECONDS)
        sample = m.last_json_object(answer.stdout)
        if sample["errors"]:
            raise m.Wrong(f"{operation}: {sample['errors']} errors: {answer.stderr[:400]}")
        if sample["requests"]:
            return sample["requests"] / sample["seconds"]
    raise m.Wrong(f"{operation}: no answer within {SLOW_SECONDS} s")


def transfer(port, folder):
    """Megabytes a second up and down of one large file, by curl, which throws away what it gets: its writing to a disk
    is no server's work."""
    sent, got = folder / "sent.bin", folder / "got.bin"
    url = f"http://127.0.0.1:{port}/api/2.0/mlflow-artifacts/artifacts/bench/large.bin"
    curl("-T", sent, url)
    curl("-o", got, url)
    if not filecmp.cmp(sent, got, shallow=False):
        raise m.Wrong("the artifact came back with other bytes")
    got.unlink()
    rates = []
    for command in (["-T", sent, url], ["-o", os.devnull, "-w", "%{size_download}", url]):
        begin = time.perf_counter()
        told = curl(*command)
        rates.append(ARTIFACT_MIB / (time.perf_counter() - begin))
    if int(told) != sent.stat().st_size:
        raise m.Wrong("the artifact came back with another size")
    return rates


def curl(*arguments):
    answer = subprocess.run(["curl", "-sS", "-f", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if answer.returncode != 0:
        raise m.Wrong(f"artifact: {answer.stderr.strip()}")
    return answer.stdout


def sample(port, facts, folder, seconds, backend):
    """Requests a second by operation; those on PostgreSQL carry its name. Artifacts are the same with either."""
    if backend != "sqlite":
        return {f"{backend}_{operation}": load(port, operation, facts, seconds) for operation in OPERATIONS}
    values = {operation: load(port, operation, facts, seconds) for operation in OPERATIONS}
    values["artifact_up_mib"], values["artifact_down_mib"] = transfer(port, folder)
    return values


def check(ports, facts):
    """Both servers say the same of the runs they were given."""
    def ask(port, path, body):
        return processes.post_json(port, f"/api/2.0/mlflow/{path}", body, timeout=60)

    query = {"experiment_ids": [facts["EXPERIMENT"]], "max_results": 50, "order_by": ["metrics.auc DESC"],
             "filter": "metrics.auc > 0.9 and params.depth = '3'"}
    answers = [[(run["info"]["run_id"], sorted((v["key"], v["value"]) for v in run["data"]["metrics"]))
                for run in ask(port, "runs/search", query)["runs"]] for port in ports.values()]
    if answers[0] != answers[1]:
        raise m.Wrong("runs/search: the two servers answer differently")
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={facts['LONG_RUN']}&metric_key=loss&max_results=25000"
    histories = [json.loads(processes.request(port, "GET", path, timeout=60)[1])["metrics"] for port in ports.values()]
    if histories[0] != histories[1] or len(histories[0]) != filled.POINTS:
        raise m.Wrong("metrics/get-history: the two servers answer differently")


def make_copies(backend, folder, filling, server):
    """Two databases with the same rows, ours and theirs: their URLs. MLflow makes the tables."""
    if backend == "sqlite":
        with mlflow_server(folder, f"sqlite:///{folder}/theirs.db"):
            pass
        filled.fill_sqlite(filling, folder / "theirs.db")
        shutil.copy(folder / "theirs.db", folder / "ours.db")
        return f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/theirs.db"
    with mlflow_server(folder, server.create_database("filled")):
        pass
    filled.fill_postgresql(filling, server, "filled")
    return server.create_database("ours", "filled"), server.create_database("theirs", "filled")


def measure_backend(options, backend, folder, filling, server):
    """(samples by contender, notes)"""
    m.progress(f"{backend}: two copies of {len(filling.runs):,} runs")
    ours_url, theirs_url = make_copies(backend, folder, filling, server)
    facts = {"EXPERIMENT": str(filled.EXPERIMENT), "RUN": filling.run, "LONG_RUN": filling.long_run}
    seconds = 2 if options.quick else max(SLICE_SECONDS, round(options.seconds))
    with contextlib.ExitStack() as servers:
        ours, port = servers.enter_context(tenure_server(options, folder, ours_url))
        idle = processes.resident_kib(ours.pid) / 1024
        theirs, their_port = servers.enter_context(mlflow_server(folder, theirs_url))
        their_idle = processes.resident_kib(theirs.pid) / 1024
        ports = {OURS: port, THEIRS: their_port}
        check(ports, facts)
        samples = m.interleave(options.rounds, {
            name: lambda target=target: sample(target, dict(facts), folder, seconds, backend)
            for name, target in ports.items()})
        memory = [processes.resident_kib(server.pid) / 1024 for server in (ours, theirs)]
    return samples, (f"{backend}: resident MiB when idle: tenure {idle:.0f}, mlflow {their_idle:.0f}; "
                     f"at the end: {memory[0]:.0f}, {memory[1]:.0f}")


def measure(options):
    if not shutil.which("wrk"):
        raise m.Skip("wrk is missing: apt-get install wrk")
    environment.interpreter(REQUIREMENTS)
    backends = BACKENDS if postgresql_server.programs() else BACKENDS[:1]
    filling = filled.Filling(filled.RUNS_QUICK if options.quick else filled.RUNS)
    samples, notes = {OURS: [{} for _ in range(options.rounds)], THEIRS: [{} for _ in range(options.rounds)]}, []
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tenure-bench-")))
        (folder / "sent.bin").write_bytes(os.urandom(1 << 20) * ARTIFACT_MIB)
        for backend in backends:  # one after the other: an idle server of the other would take memory
            with contextlib.ExitStack() as database:
                server = None
                if backend == "postgresql":
                    server = database.enter_context(postgresql_server.PostgresqlServer("shared_buffers=256MB"))
                measured, note = measure_backend(options, backend, folder, filling, server)
            notes.append(note)
            for name, rounds in measured.items():
                for kept, values in zip(samples[name], rounds):
                    kept.update(values)
    if len(backends) < len(BACKENDS):
        notes.append("PostgreSQL's server is not installed (Debian package postgresql): left out")
    return finish(options, samples, len(filling.runs), notes)


def finish(options, samples, runs, notes):
    kinds = list(samples[OURS][0])
    ratios = {kind: m.median_ratio(samples, OURS, THEIRS, kind) for kind in kinds}
    medians = m.medians(samples)
    m.print_table(f"mlflow_server: {runs:,} runs, {CONNECTIONS} connections (medians, a second)", ("", OURS, THEIRS, "x"),
                  [(kind, f"{medians[OURS][kind]:,.1f}", f"{medians[THEIRS][kind]:,.1f}", f"{ratios[kind]:.1f}")
                   for kind in kinds])
    versions = environment.versions(["mlflow", "sqlalchemy", "psycopg2-binary"], REQUIREMENTS)
    versions |= {"tenure": m.program_version([options.tenure, "--version"])}
    if programs := postgresql_server.programs():
        versions["postgresql"] = m.program_version([str(programs / "postgres"), "--version"])
    print("\n".join(notes))
    return m.save("mlflow_server", options.rounds, samples, ratios, versions, notes)
