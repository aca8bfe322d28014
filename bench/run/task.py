"""Task `run`: CSV to registered champion. Floor: libxgboost alone. Peer: the Python stack."""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import environment
import measure as m
import project

HERE = pathlib.Path(__file__).resolve().parent
AUC_TOLERANCE = 0.01  # other folds, other encoders: the same learner still lands this close


def call_json(command, seconds):
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
    )
    if answer.returncode != 0:
        raise m.Wrong(f"{pathlib.Path(command[0]).name}: {answer.stderr.strip()[-500:]}")
    return m.last_json_object(answer.stdout)


def bare(program, matrix):
    answer = call_json([program, str(matrix), str(project.ROUNDS), *project.library_parameters()], 120)
    return {
        "seconds": answer["seconds"]["total"],
        "cv_auc_mean": answer["cv_auc_mean"],
        "test_auc": answer["test_auc"],
    }


def python(interpreter, data):
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        start = time.perf_counter()
        command = [interpreter, str(HERE / "python_loop.py"), str(data), folder,
                   str(project.ROUNDS), *project.library_parameters()]
        answer = call_json(command, 120)
        seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "cv_auc_mean": answer["metrics"]["cv_auc_mean"],
        "test_auc": answer["metrics"]["test_auc"],
    }


def tenure(work, variables):
    work.clear()
    start = time.perf_counter()
    summary = work.run(variables)
    seconds = time.perf_counter() - start
    if summary["version"] != 1:
        raise m.Wrong(f"a first run registered version {summary['version']}, expected 1")
    return {
        "seconds": seconds,
        "train_seconds": summary["seconds"].get("train", float("nan")),
        "cv_auc_mean": summary["metrics"]["cv_auc_mean"],
        "test_auc": summary["metrics"]["test_auc"],
    }


def check(samples):
    medians = m.medians(samples)
    floor = medians["libxgboost alone"]["cv_auc_mean"]
    for name in ("tenure run", "pandas + scikit-learn + xgboost + mlflow"):
        auc = medians[name]["cv_auc_mean"]
        if abs(auc - floor) > AUC_TOLERANCE:
            raise m.Wrong(f"{name}: cross-validated AUC {auc:.4f}, libxgboost alone has {floor:.4f}")


def measure(options):
    interpreter = environment.interpreter()
    program = project.build_floor("bench_bare_xgboost")
    with project.temporary_project(options) as work:
        work.run(project.pinned_variables())  # makes the data if need be; warms the file cache
        matrix = work.folder / "matrix.csv"
        subprocess.run(
            [sys.executable, str(HERE / "prepare_matrix.py"), str(work.data), str(matrix)],
            check=True, timeout=60,
        )
        samples = m.interleave(
            options.rounds,
            {
                "libxgboost alone": lambda: bare(program, matrix),
                "tenure run": lambda: tenure(work, project.pinned_variables()),
                "tenure run, as the example is": lambda: tenure(work, {}),
                "pandas + scikit-learn + xgboost + mlflow": lambda: python(interpreter, work.data),
            },
        )
    check(samples)
    peer = "pandas + scikit-learn + xgboost + mlflow"
    ratios = {
        "tenure / libxgboost alone": m.median_ratio(samples, "tenure run", "libxgboost alone", "seconds"),
        "python / tenure": m.median_ratio(samples, peer, "tenure run", "seconds"),
    }
    trains = [s["train_seconds"] / b["seconds"]
              for s, b in zip(samples["tenure run"], samples["libxgboost alone"])]
    if all(value == value for value in trains):
        ratios["tenure's step train / libxgboost alone"] = sorted(trains)[len(trains) // 2]
    report(samples, ratios)
    versions = environment.versions(["pandas", "scikit-learn", "xgboost", "mlflow-skinny"])
    versions["tenure"] = m.program_version([options.tenure, "--version"])
    return m.save("run", options.rounds, samples, ratios, versions,
                  [f"{project.ROUNDS} rounds, {json.dumps(project.PARAMETERS)}, 5 folds + final fit"])


def report(samples, ratios):
    rows = [
        (name, f"{v['seconds']:.3f}", f"{v['cv_auc_mean']:.4f}", f"{v['test_auc']:.4f}")
        for name, v in m.medians(samples).items()
    ]
    m.print_table("run: CSV to registered champion (medians)", ("", "seconds", "cv AUC", "test AUC"), rows)
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
