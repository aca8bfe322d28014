"""Task `startup`: time from exec to the first 200 on /ready, and memory after 1,000 predictions."""

import json
import pathlib
import time

import environment
import http.client
import measure as m
import processes
import project

HERE = pathlib.Path(__file__).resolve().parent
PREDICTIONS = 1000


def post_many(port, bodies):
    """Posts over one connection; every answer must be 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        for i in range(PREDICTIONS):
            connection.request("POST", "/predict", bodies[i % len(bodies)],
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or b"probability" not in body:
                raise m.Wrong(f"POST /predict answered {answer.status}: {body[:200]!r}")
    finally:
        connection.close()


def start_and_use(command, port, log, bodies, **options):
    start = time.perf_counter()
    with processes.running(command, log, **options) as server:
        processes.wait_until_ok(server, port, "/ready", log)
        seconds = time.perf_counter() - start
        post_many(port, bodies)
        return {"seconds": seconds, "resident_mib": processes.resident_kib(server.pid) / 1024}


def tenure(work, bodies):
    port = processes.free_port()
    return start_and_use(
        [work.tenure, "up"], port, work.folder / "up.log", bodies, cwd=work.folder,
        env=work.environment({"TENURE_SERVING__PORT": str(port)}),
    )


def fastapi(interpreter, work, bodies):
    port = processes.free_port()
    command = [interpreter, "-m", "uvicorn", "hello:app", "--host", "127.0.0.1", "--port", str(port),
               "--log-level", "warning"]
    return start_and_use(command, port, work.folder / "uvicorn.log", bodies, cwd=HERE)


def measure(options):
    interpreter = environment.interpreter()
    with project.temporary_project(options) as work:
        work.run(project.pinned_variables())
        bodies = [json.dumps({"customer_id": key}) for key in work.ids()[:PREDICTIONS]]
        samples = m.interleave(
            options.rounds,
            {
                "tenure up": lambda: tenure(work, bodies),
                "FastAPI hello": lambda: fastapi(interpreter, work, bodies),
            },
        )
    ratios = {
        "start: FastAPI hello / tenure": m.median_ratio(samples, "FastAPI hello", "tenure up", "seconds"),
        "memory: FastAPI hello / tenure": m.median_ratio(
            samples, "FastAPI hello", "tenure up", "resident_mib"),
    }
    m.print_table(
        f"startup: first 200 on /ready, memory after {PREDICTIONS} predictions (medians)",
        ("", "seconds", "MiB"),
        [(name, f"{v['seconds']:.3f}", f"{v['resident_mib']:.1f}")
         for name, v in m.medians(samples).items()],
    )
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    versions = environment.versions(["fastapi", "uvicorn", "pydantic"])
    versions["tenure"] = m.program_version([options.tenure, "--version"])
    return m.save("startup", options.rounds, samples, ratios, versions)
