"""A project that changes: other tables, new rows, other definitions, another place. What is served must stay what was
trained on."""
import csv
import random
import shutil
import signal
import sqlite3
import subprocess
import unittest

from tenure_process import TENURE, Server, temporary_folder, tenure, tenure_json

CONFIG = """project: shop
data:
  source: data.csv
  id: id
  label: {column: left, positive: "yes"}
model:
  preset: light
  rounds: 30
  promotion: {ece_max: 1}
"""
PLAIN_FEATURES = """features:
  views:
    profile: {features: [area, spend]%s}
  services:
    default: {features: ["profile:*"]}
"""


def make_rows(count=400, seed=5, spend_factor=1.0):
    """Customers C0000 ... of two years, who leave when they spend little."""
    draw = random.Random(seed)
    rows = []
    for n in range(count):
        spend = draw.randrange(10, 100)
        rows.append({"id": f"C{n:04}", "seen": f"20{23 + n % 2}-{1 + n % 12:02}-{1 + n % 28:02}",
                     "area": draw.choice(["north", "south"]), "zip": f"z{draw.randrange(5)}",
                     "plan": draw.choice(["basic", "plus"]), "spend": round(spend * spend_factor, 2),
                     "left": "yes" if draw.random() < 0.15 + 0.6 * (spend < 40) else "no"})
    return rows


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(rows)


class ProjectTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.project = self.folder / "shop"
        self.project.mkdir()
        self.rows = make_rows()
        self.write()
        self.configure()

    def write(self, name="data.csv", rows=None):
        write_rows(self.project / name, rows or self.rows)

    def configure(self, *sections, text=CONFIG):
        (self.project / "tenure.yaml").write_text(text + "".join(sections))

    def run_pipeline(self, *arguments):
        return tenure_json("run", *arguments, cwd=self.project)

    def online(self, key="C0001"):
        """Feature values by plain name, or None."""
        row = tenure_json("features", "get", key, cwd=self.project)["rows"][0]
        if not row["found"]:
            return None
        return {name.split(":")[1]: value for name, value in row["features"].items()}

    def sql(self, statement):
        database = sqlite3.connect(self.project / ".tenure" / "tenure.db")
        try:
            return database.execute(statement).fetchall()
        finally:
            database.close()


class ChangingProject(ProjectTest):
    def test_going_back_to_an_earlier_table_serves_its_values(self):
        self.write("a.csv", self.rows)
        self.write("b.csv", make_rows(spend_factor=80))
        for name in ("b.csv", "a.csv", "b.csv", "b.csv", "a.csv"):
            with self.subTest(table=name):
                self.run_pipeline("--data", name)
                trained = tenure_json("data", "query", "SELECT spend FROM data WHERE id = 'C0001'", cwd=self.project)
                self.assertEqual(self.online()["spend"], trained["rows"][0][0])
        # The same bytes again are no news.
        materialized = tenure_json("features", "materialize-incremental", cwd=self.project)
        self.assertEqual([view["rows_written"] for view in materialized["views"]], [0])

    def test_with_times_new_and_corrected_rows_reach_the_online_store(self):
        self.configure(text=CONFIG.replace("  id: id", "  id: id\n  time: seen"))
        self.run_pipeline()
        self.rows[1]["spend"] = 77777
        self.rows.append({**self.rows[2], "id": "C9001", "spend": 42, "seen": "2024-11-30"})
        self.write()
        self.run_pipeline()
        self.assertEqual(self.online("C0001")["spend"], 77777)
        self.assertEqual(self.online("C9001")["spend"], 42)
        with Server(self.project) as server:
            self.assertEqual(server.predict({"customer_id": "C9001"})[1]["level"], "primary")

    def test_a_feature_that_reads_another_column_is_served_from_it(self):
        self.configure(PLAIN_FEATURES % ", rename: {area: zip}")
        self.assertTrue(self.run_pipeline()["promoted"])
        self.configure(PLAIN_FEATURES % ", rename: {area: plan}")
        second = self.run_pipeline()
        self.assertEqual(self.online()["area"], self.rows[1]["plan"])
        # Each version is asked for what it was trained on, whichever is the champion.
        for version, column in ((1, "zip"), (second["version"], "plan")):
            tenure("models", "promote", version, cwd=self.project)
            with self.subTest(version=version), Server(self.project) as server:
                for row in self.rows[:20]:
                    by_id = server.predict({"customer_id": row["id"]})[1]
                    given = server.predict({"features": {"area": row[column], "spend": row["spend"]}})[1]
                    self.assertEqual((by_id["level"], by_id["probability"]), ("primary", given["probability"]))

    def test_the_champions_features_stay_fresh_when_the_definitions_move_on(self):
        first = self.run_pipeline()
        self.assertTrue(first["promoted"])
        self.configure(PLAIN_FEATURES % "")
        self.rows[1]["spend"] = 10
        self.rows.append({**self.rows[2], "id": "C9999"})
        self.write()
        second = self.run_pipeline("--set", "model.promotion.min_gain=0.9")
        self.assertFalse(second["promoted"])
        self.assertNotIn("cannot be measured", second["why"])
        row = self.rows[1]
        features = {name: row[name] for name in ("seen", "area", "zip", "plan", "spend")}
        with Server(self.project) as server:
            self.assertEqual(server.facts["version"], first["version"])
            self.assertEqual(server.predict({"customer_id": "C9999"})[1]["level"], "primary")
            self.assertEqual(server.predict({"customer_id": "C0001"})[1]["probability"],
                             server.predict({"features": features})[1]["probability"])
        # After going back to a version of other definitions, each run serves that one.
        tenure("models", "promote", second["version"], cwd=self.project)
        tenure("models", "rollback", cwd=self.project)
        self.rows.append({**self.rows[2], "id": "C9998"})
        self.write()
        self.run_pipeline("--set", "model.promotion.min_gain=0.9")
        with Server(self.project) as server:
            self.assertEqual(server.facts["version"], first["version"])
            self.assertEqual(server.predict({"customer_id": "C9998"})[1]["level"], "primary")

    def test_a_column_the_champion_needs_may_go(self):
        self.assertTrue(self.run_pipeline()["promoted"])
        for row in self.rows:
            del row["plan"]
        self.write()
        second = self.run_pipeline()
        self.assertFalse(second["promoted"])
        self.assertIn("cannot be measured", second["why"])
        answer = tenure_json("features", "materialize-incremental", cwd=self.project)
        self.assertIn("plan", answer["warning"])
        self.assertIsNotNone(self.online())

    def test_a_model_without_online_features_is_served_with_the_features_of_requests(self):
        self.configure(PLAIN_FEATURES % ", online: false")
        self.assertTrue(self.run_pipeline()["promoted"])
        with Server(self.project) as server:
            self.assertEqual(server.request("GET", "/ready")[0], 200)
            status, answer = server.predict({"features": {"area": "north", "spend": 20}})
            self.assertEqual((status, answer["level"]), (200, "primary"), answer)

    def test_the_key_of_an_entity_may_have_another_name_than_the_id(self):
        text = PLAIN_FEATURES % ""
        self.run_pipeline("--until", "ingest")
        table = next((self.project / ".tenure" / "data").glob("*/table.parquet"))
        shutil.copy(table, self.project / "usage.parquet")
        # The rows of usage are keyed by `id`; the table's own id is called `number` from now on.
        rows = [{"number" if name == "id" else name: value for name, value in row.items()} for row in self.rows]
        self.write(rows=rows)
        self.configure(text.replace("profile: {", "profile: {source: usage.parquet, entity: customer, ")
                       .replace("  views:", "  entities:\n    customer: {key: id}\n  views:"),
                       text=CONFIG.replace("id: id", "id: number"))
        self.assertTrue(self.run_pipeline()["promoted"])
        self.assertEqual(self.online()["area"], self.rows[1]["area"])
        # Ids that the view does not know are told, not trained on.
        self.write(rows=[{**row, "number": "X" + row["number"]} for row in rows])
        done = tenure("run", cwd=self.project, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("'number'", done.stderr)
        self.assertIn("'id'", done.stderr)

    def test_a_moved_project_works_on_in_its_new_place(self):
        self.configure(PLAIN_FEATURES % "")
        first = self.run_pipeline()
        self.assertTrue(first["promoted"])
        new = self.folder / "elsewhere" / "shop"
        shutil.move(self.project, new)
        self.project = new
        self.assertIsNotNone(self.online())
        with Server(self.project) as server:
            self.assertEqual(server.predict({"customer_id": "C0001"})[1]["level"], "primary")
        second = self.run_pipeline("--fresh")
        places = dict(self.sql("SELECT run_uuid, artifact_uri FROM runs"))
        place = places[second["run_id"]]
        self.assertEqual(place.split(":")[0], "mlflow-artifacts", places)  # which holds wherever the project is
        model = new / ".tenure" / "objects" / "artifacts" / place.removeprefix("mlflow-artifacts:/") / "model"
        self.assertTrue((model / "MLmodel").is_file(), model)
        self.assertEqual([place for (place,) in self.sql("SELECT artifact_location FROM experiments WHERE name = 'shop'")],
                         [place.split(f"/{second['run_id']}/")[0]])


class TrackingRuns(ProjectTest):
    """What MLflow shows of runs that do not come to their end."""
    STATUS = "SELECT status FROM runs ORDER BY start_time"
    # promote needs a version, which nobody registers here.
    FAILING = """pipelines:
  main:
    steps:
      ingest: {run: ingest}
      split: {run: split}
      features: {run: features}
      train: {run: train}
      promote: {run: promote%s}
"""

    def test_a_failed_run_is_failed(self):
        self.configure(self.FAILING % "")
        self.assertNotEqual(tenure("run", cwd=self.project, check=False).returncode, 0)
        self.assertEqual(self.sql(self.STATUS), [("FAILED",)])

    def test_a_cancelled_run_is_killed(self):
        self.configure(self.FAILING % ", retries: 3, retry_delay: 600s")
        run = subprocess.Popen([TENURE, "run"], cwd=self.project, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               text=True)
        for line in run.stderr:
            if "tried again" in line:
                break
        run.send_signal(signal.SIGINT)
        rest = run.stderr.read()
        run.stderr.close()
        self.assertNotEqual(run.wait(), 0, rest)
        self.assertEqual(self.sql(self.STATUS), [("KILLED",)], rest)

    def test_a_part_of_the_pipeline_that_ends_well_is_finished(self):
        self.run_pipeline("--until", "train")
        self.assertEqual(self.sql(self.STATUS), [("FINISHED",)])


if __name__ == "__main__":
    unittest.main()
