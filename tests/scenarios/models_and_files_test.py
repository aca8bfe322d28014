"""Registered models over files: a project with a renamed feature, a view of its own file, and a second model."""
import csv
import random
import unittest

from tenure_process import (EXIT_INVALID, EXIT_NOT_FOUND, Server, temporary_folder, tenure, tenure_json)

CONFIG = """
project: shop
data:
  source: customers.csv
  id: id
  label: {column: left, positive: "yes"}
  columns:
    spend: {type: number, null_value: 0}
    age: {type: number}
features:
  entities:
    customer: {key: id}
  views:
    profile: {entity: customer, features: [area, spend, age], rename: {area: zip}}
    support: {entity: customer, source: support.parquet, timestamp: at, features: [calls]}
  services:
    default: {features: ["profile:*", "support:*"]}
model: {preset: light, rounds: 40}
"""
HEADER = ["id", "seen", "zip", "spend", "age", "left"]
TIMED = ("--set", "model.name=shop-b", "--set", "data.time=seen")


def rows_of(count, seed):
    """Customers of whom those with little spend, or in the north, leave more often; a blank spend is nothing spent."""
    draw = random.Random(seed)
    for n in range(count):
        spend = draw.randrange(0, 500)
        area = draw.choice(["north", "south", "east"])
        left = draw.random() < 0.1 + 0.5 * (spend < 150) + 0.2 * (area == "north")
        yield [f"C{seed}-{n:05}", f"2024-{2 + n % 11:02}-{1 + n % 28:02}", area, "" if spend < 60 else spend,
               draw.randrange(18, 90), "yes" if left else "no"]


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


class ModelsAndFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = cls.enterClassContext(temporary_folder()) / "shop"
        cls.project.mkdir()
        (cls.project / "tenure.yaml").write_text(CONFIG)
        write_csv(cls.project / "customers.csv", HEADER, rows_of(1500, 1))
        tenure("data", "query", "COPY (SELECT id, TIMESTAMP '2024-01-01' AS at, (hash(id) % 9)::BIGINT AS calls "
               "FROM 'customers.csv') TO 'support.parquet' (FORMAT parquet)", cwd=cls.project)
        cls.summary = tenure_json("run", cwd=cls.project)
        tenure("run", *TIMED, cwd=cls.project)
        cls.holdout = [row + [n % 9] for n, row in enumerate(rows_of(800, 2))]

    def write_holdout(self, name, header=(*HEADER, "calls"), change=lambda row: row):
        write_csv(self.project / name, header, map(change, self.holdout))
        return name

    def score(self, *options):
        self.write_holdout("bulk.csv", change=lambda row: [*row[:3], "", *row[4:6], ""])
        tenure("score", "bulk.csv", "scores.csv", *options, cwd=self.project)
        with open(self.project / "scores.csv", newline="") as file:
            return [float(row["probability"]) for row in csv.DictReader(file)]

    def test_bulk_scoring_reads_a_missing_value_as_the_model_learnt_it_whatever_tenure_yaml_says_now(self):
        expected = self.score()
        self.assertEqual(self.score("--set", "data.columns.spend.null_value=499", "--set",
                                    "data.columns.calls.null_value=8"), expected)
        with Server(self.project) as server:
            for row, probability in list(zip(self.holdout, expected))[:20]:
                features = {"area": row[2], "spend": None, "age": row[4], "calls": None}
                self.assertEqual(server.predict({"features": features})[1]["probability"], probability)

    def test_evaluating_without_a_file_uses_the_rows_that_were_held_out(self):
        answer = tenure_json("evaluate", cwd=self.project)
        self.assertEqual(answer["metrics"]["rows"], self.summary["metrics"]["test_rows"])
        self.assertEqual(answer["metrics"]["auc"], self.summary["metrics"]["test_auc"])
        self.assertIn("held out", answer["rows"])
        self.assertIn("held out", tenure("evaluate", cwd=self.project).stdout)

    def test_evaluating_without_a_file_says_when_the_rows_are_gone(self):
        table = self.project / tenure_json("evaluate", "--model", "shop-b", "--version", "1", cwd=self.project)["file"]
        content = table.read_bytes()
        self.addCleanup(table.write_bytes, content)
        table.unlink()
        done = tenure("evaluate", "--model", "shop-b", "--version", "1", cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_NOT_FOUND, done.stderr)
        self.assertIn("name a labelled file", done.stderr)

    def test_a_model_is_measured_on_the_rows_of_another_and_the_metrics_are_logged(self):
        other = ("--model", "shop-b", "--version", "1")
        answer = tenure_json("evaluate", *other, "--rows-of", "1", "--log", cwd=self.project)
        self.assertEqual(answer["rows"], "the rows held out for shop version 1")
        self.assertEqual(answer["metrics"]["rows"], self.summary["metrics"]["test_rows"])
        self.assertEqual(tenure_json("evaluate", *other, "--rows-of", "shop/@champion", cwd=self.project)["metrics"],
                         answer["metrics"])
        shown = tenure_json("models", "show", "1", "--model", "shop-b", cwd=self.project)
        self.assertEqual(answer["logged"], shown["run_id"])
        self.assertEqual(shown["metrics"]["test_auc"], answer["metrics"]["auc"])
        for arguments, text in ((("holdout.csv", "--rows-of", "1"), "not both"), (("--rows-of", "7"), "--rows-of")):
            done = tenure("evaluate", *arguments, cwd=self.project, check=False)
            self.assertIn(text, done.stderr)

    def test_a_file_may_have_a_label_of_another_name(self):
        header = [*HEADER[:5], "churned", "calls"]
        self.write_holdout("holdout.csv")
        self.write_holdout("renamed.csv", header, lambda row: [*row[:5], 1 if row[5] == "yes" else 0, row[6]])
        answers = [tenure_json("evaluate", *arguments, cwd=self.project)["metrics"]
                   for arguments in (("holdout.csv",), ("renamed.csv", "--label", "churned"))]
        self.assertEqual(*answers)

    def test_evaluating_a_file_reads_renamed_features_and_those_of_other_views(self):
        answer = tenure_json("evaluate", self.write_holdout("holdout.csv"), cwd=self.project)
        self.assertEqual(answer["metrics"]["rows"], 800)
        self.assertGreater(answer["metrics"]["auc"], 0.65)

    def test_evaluating_a_file_reads_columns_as_the_types_of_the_model(self):
        # All ages are blank: by itself the column would look like text.
        name = self.write_holdout("blank.csv", change=lambda row: [*row[:4], "", *row[5:]])
        self.assertEqual(tenure_json("evaluate", name, cwd=self.project)["metrics"]["rows"], 800)

    def test_a_missing_column_is_named_with_the_feature_and_the_view_it_is_for(self):
        name = self.write_holdout("without.csv", HEADER, lambda row: row[:6])
        for command in (("evaluate", name), ("score", name, "out.csv")):
            done = tenure(*command, cwd=self.project, check=False)
            self.assertEqual(done.returncode, EXIT_INVALID, done.stderr)
            self.assertIn("no column 'calls', which feature 'calls' of view 'support' is read from", done.stderr)

    def test_the_history_of_a_model_leaves_out_models_whose_names_begin_like_its_own(self):
        for name in ("shop", "shop-b"):
            trail = tenure_json("models", "show", "1", "--model", name, cwd=self.project)["audit"]
            self.assertGreater(len(trail), 1)
            for entry in trail:
                self.assertTrue(entry["subject"].startswith(f"models/{name}/"), entry)

    def test_the_card_tells_when_the_training_rows_were_observed(self):
        def card(name):
            shown = tenure_json("models", "show", "1", "--model", name, cwd=self.project)
            with open(shown["package"] + "/card.md") as file:
                return file.read()
        self.assertRegex(card("shop"), r"Observed: as of 20\d\d-")
        self.assertRegex(card("shop-b"), r"Observed: 2024-02-01T00:00:00Z to 2024-12-\d\dT00:00:00Z")
        self.assertRegex(card("shop-b"), r"customers like those of the training rows \(2024-02-")

    def test_a_query_stops_at_the_rows_that_are_shown(self):
        # Making the last row fails.
        answer = tenure_json("data", "query", "SELECT i, CASE WHEN i = 20000000 THEN error('made to the end') "
                             "ELSE 'row ' || i END FROM range(20000001) t(i)", "--limit", "3", cwd=self.project)
        self.assertEqual(answer["rows"], [[0, "row 0"], [1, "row 1"], [2, "row 2"]])
        self.assertTrue(answer["truncated"])
        whole = tenure_json("data", "query", "SELECT 1 AS a UNION ALL SELECT 2", "--limit", "2", cwd=self.project)
        self.assertEqual((len(whole["rows"]), whole["truncated"]), (2, False))


if __name__ == "__main__":
    unittest.main()
