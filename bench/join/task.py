"""Task `join`: a point-in-time join of a million rows with a million, against the same in SQL by hand."""

import json
import subprocess
import tempfile

import measure as m
import project

ROWS = 1_000_000
SCENARIOS = {"unique": "one source row a time", "tied": "created column, ttl, 2 % ties"}


def call(program, *arguments):
    answer = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=120)
    if answer.returncode != 0:
        raise m.Wrong(answer.stderr.strip()[-500:])
    return json.loads(answer.stdout) if answer.stdout.strip() else {}


def sample(program, mode, folder, scenario):
    answer = call(program, mode, folder, scenario)
    if answer["rows"] != ROWS:
        raise m.Wrong(f"{mode}, {scenario}: {answer['rows']} rows, expected {ROWS}")
    return {"seconds": answer["seconds"]}


def measure(options):
    program = project.build_floor("bench_join")
    samples = {}
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        call(program, "make", folder, str(ROWS))
        for scenario in SCENARIOS:
            facts = call(program, "check", folder, scenario)
            if facts["rows"] != ROWS:
                raise m.Wrong(f"{scenario}: {facts}")
            contenders = {
                f"{mode}, {scenario}": lambda mode=mode, scenario=scenario: sample(
                    program, mode, folder, scenario)
                for mode in ("raw", "ordered", "tenure")
            }
            samples |= m.interleave(options.rounds, contenders)
    ratios = {
        f"tenure / {floor}, {scenario}": m.median_ratio(
            samples, f"tenure, {scenario}", f"{floor}, {scenario}", "seconds")
        for scenario in SCENARIOS for floor in ("raw", "ordered")
    }
    m.print_table("join: 1,000,000 entity rows with 1,000,000 feature rows (medians)", ("", "seconds"),
                  [(name, f"{v['seconds']:.3f}") for name, v in m.medians(samples).items()])
    m.print_table("ratios", ("", "x"), [(n, f"{v:.2f}") for n, v in ratios.items()])
    return m.save("join", options.rounds, samples, ratios, {"compiled": "release build"},
                  [f"{name}: {text}" for name, text in SCENARIOS.items()])
