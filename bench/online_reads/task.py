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
        contenders = {}
        for size in sizes:
            contenders[f"{size:,} customers"] = lambda size=size: call(program, "read", folders[size], size, READS)
            contenders[f"{size:,}: one word"] = lambda size=size: call(program, "floor", folders[size], READS)
        samples = m.interleave(options.rounds, contenders)
    names = [f"{size:,} customers" for size in sizes]
    ratios = {}
    for key in ("microseconds", "processor_microseconds"):
        for name in names[1:]:
            ratios[f"{name} / {names[0]}, {key}"] = m.median_ratio(samples, name, names[0], key)
    # What the larger store costs more, in words that only memory can give.
    medians = m.medians(samples)
    for size in sizes[1:]:
        more = {what: medians[f"{size:,}{what}"]["processor_microseconds"]
                - medians[f"{sizes[0]:,}{what}"]["processor_microseconds"] for what in (" customers", ": one word")}
        if more[": one word"] > 0:
            ratios[f"{size:,} customers: what a read costs more, in words of memory"] = (
                more[" customers"] / more[": one word"])
    m.print_table("online_reads: 42 features of three views, one customer at a time (medians)",
                  ("", "us a read", "us of processor", "page faults"),
                  [(name, f"{v['microseconds']:.2f}", f"{v['processor_microseconds']:.2f}", f"{v['faults']:.4f}")
                   for name, v in medians.items()])
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    return m.save("online_reads", options.rounds, samples, ratios, {"compiled": "release build"},
                  [f"{READS // 2} random customers a sample after as many to warm up; every answer was checked",
                   "one word: a random word of the store's largest file, at a place known only when the word "
                   "before has arrived"])
