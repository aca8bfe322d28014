"""A run is killed, its input changes, and it is taken up: nothing of the old input may come through."""
import csv
import hashlib
import random
import sqlite3
import subprocess
import unittest

from tenure_process import EXIT_NOT_FOUND, TENURE, temporary_folder, tenure, tenure_json

CONFIG = """project: shop
data:
  source: data.csv
  id: id
  label: {column: left, positive: "yes"}
model:
  preset: light
  promotion: {ece_max: 1}
pipelines:
  main:
    steps:
"""
STEPS = ("ingest", "split", "features", "train", "evaluate", "register", "materialize", "promote")


def write_rows(path, count, seed):
    draw = random.Random(seed)
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "area", "spend", "left"])
        for n in range(count):
            spend = draw.randrange(10, 100)
            out.writerow([f"C{n:04}", draw.choice(["north", "south"]), spend,
                          "yes" if draw.random() < 0.15 + 0.6 * (spend < 40) else "no"])


class ChangedInput(unittest.TestCase):
    def setUp(self):
        self.project = self.enterContext(temporary_folder())
        write_rows(self.project / "data.csv", 600, seed=1)

    def configure(self, steps):
        """The usual steps in this order; materialize waits before it tries again."""
        text = CONFIG
        for step in steps:
            text += f"      {step}: {{run: {step}{', retries: 1, retry_delay: 600s' if step == 'materialize' else ''}}}\n"
        (self.project / "tenure.yaml").write_text(text)

    def kill_at_materialize(self):
        """Starts a run whose materialize fails, and kills it while it waits for the next attempt."""
        online = self.project / ".tenure" / "online"
        online.parent.mkdir()
        online.write_text("a file where a folder should be")
        run = subprocess.Popen([TENURE, "run"], cwd=self.project, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               text=True)
        for line in run.stderr:
            if "tried again" in line:
                break
        else:
            self.fail(f"the run ended with {run.wait()}")
        run.kill()
        run.stderr.close()
        run.wait()
        online.unlink()

    def runs(self):
        database = sqlite3.connect(self.project / ".tenure" / "tenure.db")
        try:
            return dict(database.execute("SELECT run_uuid, status FROM runs").fetchall())
        finally:
            database.close()

    def packages(self):
        """Digest of each package file, by the run that made it."""
        packages = {}
        for path in sorted((self.project / ".tenure" / "objects").rglob("*")):
            if path.is_file():
                run = path.relative_to(self.project / ".tenure" / "objects" / "artifacts").parts[1]
                packages.setdefault(run, {})[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return packages

    def versions(self):
        return {model["version"]: model for model in tenure_json("models", "list", cwd=self.project)["models"]}

    def test_a_run_killed_before_it_registered_trains_on_the_new_rows(self):
        self.configure([step for step in STEPS if step not in ("register", "promote")] + ["register", "promote"])
        self.kill_at_materialize()
        self.assertEqual(list(self.runs().values()), ["RUNNING"])
        killed = next(iter(self.runs()))
        write_rows(self.project / "data.csv", 350, seed=2)
        summary = tenure_json("run", cwd=self.project)
        self.assertEqual(summary["state"], "succeeded")
        self.assertEqual(summary["rows"], 350)
        self.assertEqual(len(tenure_json("pipelines", "runs", cwd=self.project)["runs"]), 1)
        self.assertEqual(self.runs(), {killed: "KILLED", summary["run_id"]: "FINISHED"})
        self.assertEqual(list(self.versions()), [1])

    def test_a_run_killed_after_it_registered_leaves_that_version_as_it_is(self):
        self.configure(STEPS)
        self.kill_at_materialize()
        killed = next(iter(self.runs()))
        before = self.packages()[killed]
        write_rows(self.project / "data.csv", 350, seed=2)
        summary = tenure_json("run", cwd=self.project)
        self.assertEqual((summary["state"], summary["rows"], summary["version"]), ("succeeded", 350, 2))
        self.assertEqual(self.packages()[killed], before)
        self.assertEqual(self.runs(), {killed: "FINISHED", summary["run_id"]: "FINISHED"})

    def test_a_run_killed_with_its_input_unchanged_goes_on_with_the_same_tracking_run(self):
        self.configure(STEPS)
        self.kill_at_materialize()
        summary = tenure_json("run", cwd=self.project)
        self.assertEqual(self.runs(), {summary["run_id"]: "FINISHED"})
        self.assertEqual(list(self.versions()), [1])

    def test_a_run_given_up_for_another_leaves_no_open_tracking_run(self):
        self.configure([step for step in STEPS if step not in ("register", "promote")] + ["register", "promote"])
        self.kill_at_materialize()
        killed = next(iter(self.runs()))
        summary = tenure_json("run", "--fresh", cwd=self.project)
        self.assertEqual(self.runs(), {killed: "FAILED", summary["run_id"]: "FINISHED"})

    def test_results_of_an_input_that_changed_since_are_not_reused(self):
        self.configure(STEPS)
        tenure("run", cwd=self.project)
        tenure("run", "--from", "train", cwd=self.project)
        write_rows(self.project / "data.csv", 350, seed=2)
        done = tenure("run", "--from", "train", cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_NOT_FOUND, done.stderr)
        self.assertIn("data.csv has changed", done.stderr)


if __name__ == "__main__":
    unittest.main()
