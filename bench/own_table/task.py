"""Task `own_table`: `tenure init --from` + `tenure run` on tables nobody tuned for, against XGBoost by hand."""

import json
import os
import pathlib
import subprocess
import tempfile
import time

import environment
import measure as m

HERE = pathlib.Path(__file__).resolve().parent
GAP_MIN = -0.005  # the promise: AUC at most so much below the hand-made model's
QUICK = ("additive", "even", "blanks")
IDS = ("SELECT customer_id FROM read_parquet('{}') WHERE fold = 'train' ORDER BY customer_id")


def call(command, seconds, **options):
    answer = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=seconds, **options)
    if answer.returncode != 0:
        raise m.Wrong(f"{pathlib.Path(str(command[0])).name} {command[1]}: {answer.stderr.strip()[-500:]}")
    return answer.stdout


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("TENURE_")}


def training_ids(tenure, folder):
    """Ids of the rows that the run trained on, as the run's own file says."""
    files = list(folder.glob(".tenure/**/entities.parquet"))
    if len(files) != 1:
        raise m.Wrong(f"{len(files)} files entities.parquet after one run")
    rows = call([tenure, "data", "query", IDS.format(files[0]), "--limit", "1000000", "--json"], 60,
                cwd=folder, env=clean_environment())
    return [row[0] for row in json.loads(rows)["rows"]]


def own_table(tenure, table, folder):
    """What a user types: two commands, nothing else."""
    start = time.perf_counter()
    call([tenure, "init", "--from", table, "--label", "churned", folder], 120, env=clean_environment())
    answer = call([tenure, "run", "--json"], 500, cwd=folder, env=clean_environment())
    seconds = time.perf_counter() - start
    summary = m.last_json_object(answer)
    return {"seconds": seconds, "train_seconds": summary["seconds"]["train"],
            "cv_auc_mean": summary["metrics"]["cv_auc_mean"], "test_auc": summary["metrics"]["test_auc"]}


def one_table(tenure, interpreter, table, facts):
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as temporary:
        folder = pathlib.Path(temporary) / "project"
        ours = own_table(tenure, table, folder)
        ids = training_ids(tenure, folder)
        listed = pathlib.Path(temporary) / "ids.txt"
        listed.write_text("\n".join(ids), encoding="utf-8")
        theirs = json.loads(call([interpreter, HERE / "hand_made.py", table, listed, os.cpu_count()], 550))
    if theirs["rows"] != len(ids):
        raise m.Wrong(f"{table.stem}: trained on {len(ids)} rows, the hand-made model on {theirs['rows']}")
    for name, auc in (("tenure", ours["cv_auc_mean"]), ("hand-made", theirs["cv_auc_mean"])):
        if not 0.5 < auc <= 1:
            raise m.Wrong(f"{table.stem}: {name} has an AUC of {auc}")
    return {**facts, **{f"tenure_{k}": v for k, v in ours.items()},
            **{f"hand_made_{k}": v for k, v in theirs.items()},
            "gap": ours["cv_auc_mean"] - theirs["cv_auc_mean"],
            "gap_other_folds": ours["cv_auc_mean"] - theirs["cv_auc_other_folds"]}


def report(results):
    m.print_table(
        "own_table: cross-validated AUC without tuning, against XGBoost by hand",
        ("", "rows", "columns", "churn %", "tenure", "by hand", "gap", "seconds", "grid s", "one s"),
        [(name, r["rows"], r["columns"], f"{100 * r['rate']:.1f}", f"{r['tenure_cv_auc_mean']:.4f}",
          f"{r['hand_made_cv_auc_mean']:.4f}", f"{r['gap']:+.4f}", f"{r['tenure_seconds']:.1f}",
          f"{r['hand_made_seconds']:.1f}", f"{r['hand_made_seconds_once']:.1f}")
         for name, r in results.items()])


def measure(options):
    interpreter = environment.interpreter()
    tenure = str(pathlib.Path(options.tenure).resolve())
    if not os.access(tenure, os.X_OK):
        raise m.Skip(f"{options.tenure} is missing: build it first with ./dev build")
    results = {}
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        names = QUICK if options.quick else ()
        facts = json.loads(call([interpreter, HERE / "tables.py", folder, *names], 120))
        for name, of_table in facts.items():
            m.progress(f"table {name}")
            results[name] = one_table(tenure, interpreter, pathlib.Path(folder) / f"{name}.csv", of_table)
        m.progress("")
    report(results)
    late = {name: r["gap"] for name, r in results.items() if r["gap"] < GAP_MIN}
    ratios = {f"gap {name}": r["gap"] for name, r in results.items()}
    ratios |= {f"seconds: by hand / tenure, {name}": r["hand_made_seconds"] / r["tenure_seconds"]
               for name, r in results.items()}
    ratios |= {f"seconds: tenure / one cross-validation by hand, {name}":
               r["tenure_seconds"] / r["hand_made_seconds_once"] for name, r in results.items()}
    versions = environment.versions(["pandas", "scikit-learn", "xgboost"])
    versions["tenure"] = m.program_version([tenure, "--version"])
    path = m.save("own_table-quick" if options.quick else "own_table", 1, {}, ratios, versions,
                  [f"{name}: {json.dumps(r)}" for name, r in results.items()])
    if late:
        print("  promise (gap above -0.005) missed: "
              + ", ".join(f"{name} {gap:+.4f}" for name, gap in late.items()))
    return path
