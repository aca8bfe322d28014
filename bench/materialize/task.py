"""Task `materialize`: the newest row of a million customers into the online store. Floor: LMDB alone."""

import json
import subprocess
import tempfile

import measure as m
import project

ROWS = 1_000_000


def call(program, *arguments):
    answer = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=120)
    if answer.returncode != 0:
        raise m.Wrong(answer.stderr.strip()[-500:])
    return json.loads(answer.stdout) if answer.stdout.strip() else {}


def sample(program, mode, folder):
    answer = call(program, mode, folder)
    if answer["rows"] != ROWS:
        raise m.Wrong(f"{mode}: {answer['rows']} rows, expected {ROWS}")
    return {"seconds": answer["seconds"], "rows_per_second": ROWS / answer["seconds"]}


def measure(options):
    program = project.build_floor("bench_materialize")
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        call(program, "make", folder, str(ROWS))
        call(program, "tenure", folder)
        if call(program, "check", folder)["rows"] != ROWS:
            raise m.Wrong("not all customers were read back")
        samples = m.interleave(options.rounds, {
            "LMDB alone": lambda: sample(program, "floor", folder),
            "tenure": lambda: sample(program, "tenure", folder),
        })
        call(program, "check", folder)
    ratios = {"tenure / LMDB alone": m.median_ratio(samples, "tenure", "LMDB alone", "seconds")}
    m.print_table("materialize: 1,000,000 customers, four features (medians)",
                  ("", "seconds", "rows/s"),
                  [(name, f"{v['seconds']:.2f}", f"{v['rows_per_second']:,.0f}")
                   for name, v in m.medians(samples).items()])
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    return m.save("materialize", options.rounds, samples, ratios, {"compiled": "release build"},
                  ["both commit every 20,000 rows durably; every customer was read back"])
