"""Task `evaluator`: one row, many rows and the explanation of one row, our evaluator against libxgboost."""

import json
import os
import pathlib
import subprocess

import measure as m

TREES = (100, 300, 500)
FORMS = ("avx512", "avx2", "portable")  # the best one this processor has counts
SECONDS = {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
QUANTITIES = ("one_row", "many_rows", "explain")


def program(options):
    path = pathlib.Path(options.tenure).resolve().parent / "tree_model_bench"
    if not os.access(path, os.X_OK):
        raise m.Skip(f"{path} is missing: cmake --build build --target tree_model_bench")
    return path


def run(bench):
    """Seconds of every benchmark. The program ends with status 1 if an answer is wrong."""
    command = [str(bench), "--benchmark_format=json", "--benchmark_min_time=0.2",
               "--benchmark_filter=^(one_row|many_rows|explain)/"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise m.Wrong(f"tree_model_bench: {done.stderr.strip()[-500:]}")
    return {b["name"]: b["cpu_time"] * SECONDS[b["time_unit"]] for b in json.loads(done.stdout)["benchmarks"]}


def best_form(seconds, quantity):
    if quantity == "explain":
        return "ours"
    return next(form for form in FORMS if f"{quantity}/{form}/{TREES[0]}" in seconds)


def measure(options):
    bench = program(options)
    # One process measures both sides one after the other, so a round is one run of it.
    rounds = m.interleave(options.rounds, {"both": lambda: run(bench)})["both"]
    samples = {"tenure": [], "libxgboost": []}
    for seconds in rounds:
        keys = [(f"{quantity} {trees}", quantity, trees) for quantity in QUANTITIES for trees in TREES]
        samples["tenure"].append(
            {key: seconds[f"{q}/{best_form(seconds, q)}/{t}"] for key, q, t in keys})
        samples["libxgboost"].append({key: seconds[f"{q}/libxgboost/{t}"] for key, q, t in keys})
    ratios = {f"{key}: libxgboost / tenure": m.median_ratio(samples, "libxgboost", "tenure", key)
              for key in samples["tenure"][0]}
    medians = m.medians(samples)
    m.print_table("evaluator: microseconds (medians), trees of depth 6, 40 features, one thread",
                  ("", "tenure", "libxgboost", "x"),
                  [(key, f"{medians['tenure'][key] * 1e6:.2f}", f"{medians['libxgboost'][key] * 1e6:.2f}",
                    f"{ratios[f'{key}: libxgboost / tenure']:.1f}") for key in medians["tenure"]])
    forms = {quantity: best_form(rounds[0], quantity) for quantity in QUANTITIES}
    return m.save("evaluator", options.rounds, samples, ratios,
                  {"tenure": m.program_version([options.tenure, "--version"]),
                   "libxgboost": m.program_version(["dpkg-query", "-W", "libxgboost0"])},
                  [f"forms: {json.dumps(forms)}; many_rows: 20,000 rows; all: {json.dumps(rounds)}"])
