"""Task `score`: ten million rows from Parquet to Parquet, against pyarrow and xgboost in Python."""

import os
import pathlib
import subprocess
import time

import environment
import measure as m
import project

HERE = pathlib.Path(__file__).resolve().parent
ROWS = 10_000_000
ROWS_QUICK = 500_000
REQUIREMENTS = HERE.parent / "serve_python" / "requirements.txt"


def timed(command, **options):
    """Seconds, and the peak memory of the process in MiB."""
    before = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - before
    if process.returncode != 0:
        raise m.Wrong(f"{pathlib.Path(str(command[0])).name}: {error.strip()[-500:]}")
    return {"seconds": seconds, "peak_mib": usage.ru_maxrss / 1024}


def run(command):
    answer = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=600)
    if answer.returncode != 0:
        raise m.Wrong(f"{pathlib.Path(str(command[1])).name}: {(answer.stdout + answer.stderr).strip()[-500:]}")
    return answer.stdout.strip()


def measure(options):
    interpreter = environment.interpreter(REQUIREMENTS)
    rows = ROWS_QUICK if options.quick else ROWS
    with project.temporary_project(options) as work:
        work.run(project.pinned_variables() | {"TENURE_MODEL__CALIBRATION": "none"})
        source, ours, theirs = (work.folder / name for name in ("in.parquet", "ours.parquet", "theirs.parquet"))
        run([interpreter, HERE / "table.py", "make", work.cleaned_table, source, rows])

        def tenure():
            ours.unlink(missing_ok=True)
            return timed([work.tenure, "score", source, ours], cwd=work.folder, env=work.environment())

        def python():
            theirs.unlink(missing_ok=True)
            return timed([interpreter, HERE / "peer.py", work.model_folder, source, theirs, os.cpu_count()])

        samples = m.interleave(options.rounds, {"tenure": tenure, "pyarrow + xgboost": python})
        answer = run([interpreter, HERE / "table.py", "compare", ours, theirs])
    ratios = {"pyarrow + xgboost / tenure": m.median_ratio(samples, "pyarrow + xgboost", "tenure", "seconds")}
    m.print_table(f"score: {rows:,} rows, Parquet to Parquet (medians); {answer}",
                  ("", "seconds", "rows/s", "peak MiB"),
                  [(name, f"{v['seconds']:.1f}", f"{rows / v['seconds']:,.0f}", f"{v['peak_mib']:,.0f}")
                   for name, v in m.medians(samples).items()])
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    versions = environment.versions(["xgboost", "pyarrow", "numpy"], REQUIREMENTS)
    versions["tenure"] = m.program_version([options.tenure, "--version"])
    return m.save("score", options.rounds, samples, ratios, versions, [f"{rows} rows", answer])
