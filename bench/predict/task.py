"""Task `predict`: POST /predict by id. Floors: nginx and the same server's own static answer."""

import csv
import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import load  # noqa: E402
import measure as m  # noqa: E402
import nginx  # noqa: E402
import processes  # noqa: E402
import project  # noqa: E402

SAMPLE_ROWS = 50
IDS_MAX = 5000


def probability_of(answer):
    """The probability in an answer of POST /predict, whether alone or the first of several."""
    if isinstance(answer.get("predictions"), list):
        answer = answer["predictions"][0]
    if "probability" not in answer:
        raise m.Wrong(f"no probability in {sorted(answer)}")
    return answer["probability"]


def check_answers(work, port, ids):
    """Predictions over HTTP equal those of `tenure score` on the same rows."""
    sample = ids[:: max(1, len(ids) // SAMPLE_ROWS)][:SAMPLE_ROWS]
    served = {
        key: probability_of(processes.post_json(port, "/predict", {"customer_id": key})) for key in sample
    }
    for key, value in served.items():
        if not 0 < value < 1:
            raise m.Wrong(f"customer {key}: probability {value}")
    if len(set(served.values())) < len(sample) // 4:
        raise m.Wrong("almost all predictions are equal: the features are not read")
    scored = work.folder / "scored.csv"
    work.call(["score", str(work.data), str(scored)])
    with open(scored, newline="", encoding="utf-8") as file:
        expected = {row[work.id_column]: float(row["probability"]) for row in csv.DictReader(file)}
    for key, value in served.items():
        if abs(value - expected[key]) > 1e-6:
            raise m.Wrong(f"customer {key}: {value} over HTTP, {expected[key]} by tenure score")


def answer_size(port, path, body):
    status, answer = processes.request(port, "POST", path, body)
    if status != 200:
        raise m.Wrong(f"POST {path} answered {status}: {answer[:200]!r}")
    return len(answer)


def measure(options):
    load.wrk_program()
    nginx.program()
    fixed_rate = project.build_floor("bench_fixed_rate")
    workers = os.cpu_count()
    with project.temporary_project(options) as work:
        work.run(project.pinned_variables())
        ids = work.ids()
        bodies = work.folder / "bodies.txt"
        bodies.write_text("".join(json.dumps({"customer_id": key}) + "\n" for key in ids[:IDS_MAX]))
        first = json.dumps({"customer_id": ids[0]})
        port, log = processes.free_port(), work.folder / "up.log"
        variables = {"TENURE_SERVING__PORT": str(port), "TENURE_SERVING__THREADS": str(workers)}
        with processes.running([work.tenure, "up"], log, cwd=work.folder,
                               env=work.environment(variables)) as server:
            processes.wait_until_ok(server, port, "/ready", log)
            check_answers(work, port, ids)
            size = answer_size(port, "/predict", first)
            with nginx.serving(work.folder / "nginx", size, workers) as nginx_port:
                targets = {"nginx, static answer": (nginx_port, "/predict")}
                if processes.request(port, "POST", "/floor", first)[0] == 200:
                    targets["tenure /floor, static answer"] = (port, "/floor")
                targets["tenure /predict by id"] = (port, "/predict")
                samples, fixed = measure_targets(options, targets, bodies, fixed_rate)
    return finish(options, samples, fixed, size)


def measure_targets(options, targets, bodies, fixed_rate):
    samples = m.interleave(
        options.rounds,
        {
            name: lambda port=port, path=path: load.closed_loop(
                port, path, bodies, options.seconds, options.connections)
            for name, (port, path) in targets.items()
        },
    )
    # Half of what the slowest target sustains, the same for all.
    slowest = min(v["requests_per_s"] for v in m.medians(samples).values())
    rate = max(100, round(slowest / 2, -2))
    fixed = m.interleave(
        options.rounds,
        {
            name: lambda port=port, path=path: load.open_loop(
                fixed_rate, port, path, bodies, rate, options.seconds, options.connections)
            for name, (port, path) in targets.items()
        },
    )
    return samples, fixed


def finish(options, samples, fixed, size):
    ours, floor = "tenure /predict by id", "nginx, static answer"
    ratios = {
        "throughput: /predict / nginx": m.median_ratio(samples, ours, floor, "requests_per_s"),
        "p99 at half load: /predict / nginx": m.median_ratio(fixed, ours, floor, "p99_us"),
    }
    own = "tenure /floor, static answer"
    if own in samples:
        ratios["throughput: /predict / /floor"] = m.median_ratio(samples, ours, own, "requests_per_s")
    closed, steady = m.medians(samples), m.medians(fixed)
    rate = steady[ours]["rate"]
    m.print_table(
        f"predict: {size} bytes an answer, {options.connections} connections (medians)",
        ("", "requests/s", "p50 us", "p99 us", f"p50 us at {rate:.0f}/s", f"p99 us at {rate:.0f}/s"),
        [
            (name, f"{v['requests_per_s']:,.0f}", f"{v['p50_us']:.0f}", f"{v['p99_us']:.0f}",
             f"{steady[name]['p50_us']:.0f}", f"{steady[name]['p99_us']:.0f}")
            for name, v in closed.items()
        ],
    )
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    for name in fixed:
        samples[f"{name}, at a fixed rate"] = fixed[name]
    versions = {
        "tenure": m.program_version([options.tenure, "--version"]),
        "nginx": m.program_version([nginx.program(), "-v"]),
        "wrk": m.program_version([load.wrk_program(), "-v"]),
    }
    return m.save("predict", options.rounds, samples, ratios, versions,
                  [f"{size} bytes an answer", f"{options.connections} connections"])
