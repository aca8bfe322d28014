"""Task `online_reads`: one customer's features by id, as the store grows to ten million customers."""

import json
import pathlib
import subprocess
import tempfile

import measure as m
import project

SIZES = (10_000, 1_000_000, 10_000_000)
SIZES_QUICK = (10_000, 100_000)
READS = 300_000


def call(program, *arguments):
    answer = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=600)
    if answer.returncode != 0:
        raise m.Wrong(answer.stderr.strip()[-500:])
    return json.loads(answer.stdout) if answer.stdout.strip() else {}


def measure(options):
    program = project.build_floor("bench_online_reads")
    sizes = SIZES_QUICK if options.quick else SIZES
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as temporary:
        folders = {}
        for size in sizes:
            folders[size] = pathlib.Path(temporary) / str(size)
            folders[size].mkdir()
            m.progress(f"filling a store with {size:,} customers")
            call(program, "fill", folders[size], size)
        for size in sizes:
            call(program, "read", folders[size], size, READS)  # into memory
        samples = m.interleave(options.rounds, {
            f"{size:,} customers": lambda size=size: call(program, "read", folders[size], size, READS)
            for size in sizes})
    names = list(samples)
    ratios = {f"{name} / {names[0]}": m.median_ratio(samples, name, names[0], "microseconds")
              for name in names[1:]}
    m.print_table("online_reads: 42 features of three views, one customer at a time (medians)",
                  ("", "us a read"),
                  [(name, f"{v['microseconds']:.2f}") for name, v in m.medians(samples).items()])
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    return m.save("online_reads", options.rounds, samples, ratios, {"compiled": "release build"},
                  [f"{READS} random customers a sample, in memory; every answer was checked"])
