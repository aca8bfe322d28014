"""Task `serve_python`: POST /predict by id against three Python stacks with the same model."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "predict"))

import environment  # noqa: E402
import load  # noqa: E402
import measure as m  # noqa: E402
import processes  # noqa: E402
import project  # noqa: E402

STACKS = ("tutorial", "tuned", "strongest")
OURS = "tenure"
REQUIREMENTS = HERE / "requirements.txt"
SAMPLE_ROWS = 50
IDS_MAX = 5000
LATENCY_CONNECTIONS = 2


def redis_program():
    path = shutil.which("redis-server")
    if not path:
        raise m.Skip("redis-server is missing: apt-get install redis-server")
    return path


def views_of(work):
    """{view: features}, as the project file says."""
    config = json.loads(work.call(["features", "list", "--json"]))
    return {view["name"]: [one["name"] for one in view["features"]] for view in config["views"]}


def stack_environment(work, redis_port):
    return os.environ | {
        "STACK_REPOSITORY": str(work.folder / "feast"), "STACK_MODEL": str(work.model_folder),
        "STACK_REDIS_PORT": str(redis_port), "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1",
        "MLFLOW_TRACKING_URI": f"file://{work.folder / 'mlruns'}", "PYTHONDONTWRITEBYTECODE": "1",
        "FEAST_USAGE": "False", "PYTHONWARNINGS": "ignore",
    }


def prepare(work, interpreter, variables):
    views = work.folder / "views.json"
    views.write_text(json.dumps(views_of(work)))
    answer = subprocess.run([interpreter, str(HERE / "prepare.py"), str(work.cleaned_table), str(views)], env=variables,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        raise m.Wrong(f"prepare.py: {answer.stderr.strip()[-600:]}")


@contextlib.contextmanager
def stack(name, work, interpreter, variables):
    """A stack under uvicorn, one worker per core; yields its port."""
    port, log = processes.free_port(), work.folder / f"{name}.log"
    command = [interpreter, "-m", "uvicorn", f"stack_{name}:app", "--port", str(port), "--workers",
               str(os.cpu_count()), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
               "--log-level", "error"]
    with processes.running(command, log, cwd=HERE, env=variables) as server:
        processes.wait_until_ok(server, port, "/ready", log, seconds=90, pause=0.1)
        yield port


def check(name, port, expected):
    """The stack gives Tenure's probabilities; also warms up every worker."""
    for key, value in expected.items():
        got = processes.post_json(port, "/predict", {"customer_id": key})["probability"]
        if abs(got - value) > 1e-6:
            raise m.Wrong(f"{name}, customer {key}: {got}, but tenure says {value}")


def sample(port, bodies, options):
    many = load.closed_loop(port, "/predict", bodies, options.seconds, options.connections)
    few = load.closed_loop(port, "/predict", bodies, options.seconds, LATENCY_CONNECTIONS)
    return {"requests_per_s": many["requests_per_s"], "p50_us": many["p50_us"], "p99_us": many["p99_us"],
            "p50_us_at_2": few["p50_us"], "p99_us_at_2": few["p99_us"]}


def measure(options):
    load.wrk_program()
    redis = redis_program()
    interpreter = environment.interpreter(REQUIREMENTS)
    with project.temporary_project(options) as work, contextlib.ExitStack() as servers:
        work.run(project.pinned_variables() | {"TENURE_MODEL__CALIBRATION": "none"})
        ids = work.ids()
        bodies = work.folder / "bodies.txt"
        bodies.write_text("".join(json.dumps({"customer_id": key}) + "\n" for key in ids[:IDS_MAX]))
        redis_port, log = processes.free_port(), work.folder / "redis.log"
        command = [redis, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
                   "no", "--dir", str(work.folder)]
        servers.enter_context(processes.running(command, log))
        variables = stack_environment(work, redis_port)
        prepare(work, interpreter, variables)

        port, log = processes.free_port(), work.folder / "up.log"
        threads = {"TENURE_SERVING__PORT": str(port), "TENURE_SERVING__THREADS": str(os.cpu_count())}
        server = servers.enter_context(processes.running(
            [work.tenure, "up"], log, cwd=work.folder, env=work.environment(threads)))
        processes.wait_until_ok(server, port, "/ready", log)
        step = max(1, len(ids) // SAMPLE_ROWS)
        expected = {key: processes.post_json(port, "/predict", {"customer_id": key})["probability"]
                    for key in ids[::step][:SAMPLE_ROWS]}
        ports = {OURS: port}
        for name in STACKS:
            ports[name] = servers.enter_context(stack(name, work, interpreter, variables))
            check(name, ports[name], expected)
        samples = m.interleave(options.rounds, {
            name: lambda target=target: sample(target, bodies, options) for name, target in ports.items()})
        memory = {OURS: processes.resident_kib(server.pid) / 1024}
    return finish(options, samples, memory)


def finish(options, samples, memory):
    ratios = {f"throughput: tenure / {name}": m.median_ratio(samples, OURS, name, "requests_per_s")
              for name in STACKS}
    ratios |= {f"p50 at 2 connections: {name} / tenure": m.median_ratio(samples, name, OURS, "p50_us_at_2")
               for name in STACKS}
    m.print_table(
        f"serve_python: {options.connections} connections, and {LATENCY_CONNECTIONS} (medians)",
        ("", "requests/s", "p50 us", "p99 us", "p50 us at 2", "p99 us at 2"),
        [(name, f"{v['requests_per_s']:,.0f}", f"{v['p50_us']:,.0f}", f"{v['p99_us']:,.0f}",
          f"{v['p50_us_at_2']:,.0f}", f"{v['p99_us_at_2']:,.0f}") for name, v in m.medians(samples).items()],
    )
    m.print_table("ratios", ("", "x"), [(n, f"{v:.1f}") for n, v in ratios.items()])
    versions = environment.versions(["fastapi", "uvicorn", "feast", "mlflow", "xgboost", "redis"],
                                    REQUIREMENTS)
    versions |= {"tenure": m.program_version([options.tenure, "--version"]),
                 "redis-server": m.program_version([redis_program(), "--version"])}
    notes = [f"tenure's memory at the end: {memory[OURS]:.0f} MiB"]
    return m.save("serve_python", options.rounds, samples, ratios, versions, notes)
