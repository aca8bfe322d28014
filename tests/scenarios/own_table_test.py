"""A table that is not Telco: made here, understood by `tenure init --from`, trained, served."""
import csv
import random
import unittest

from tenure_process import Server, temporary_folder, tenure, tenure_json


def write_table(path, rows=3000, seed=7):
    """Subscribers with dates, blanks, an id, a constant, a leak, free text and a churn that follows usage."""
    draw = random.Random(seed)
    header = ["Account No", "joined", "plan", "visits", "spend", "support_calls", "country", "currency", "note",
              "cancel_reason", "left?"]
    with open(path, "w", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(header)
        for n in range(rows):
            visits = draw.randrange(0, 40)
            calls = draw.randrange(0, 8)
            plan = draw.choice(["basic", "plus", "family plan"])
            risk = 0.05 + 0.5 * (visits < 8) + 0.06 * calls - 0.1 * (plan == "family plan")
            left = draw.random() < risk
            spend = "n/a" if draw.random() < 0.1 else f"{10 + visits * draw.random():.2f}"
            out.writerow([f"A-{n:06}", f"2024-{1 + n % 12:02}-{1 + n % 28:02}", plan, visits, spend, calls,
                          draw.choice(["DE", "FR", "IT", ""]), "EUR", f"call {draw.random():.12f} about order {n}",
                          draw.choice(["price", "moved"]) if left else "", "gone" if left else "stays"])


class OwnTable(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        write_table(cls.folder / "subscribers.csv")
        cls.project = cls.folder / "gym"
        cls.facts = tenure_json("init", "--from", cls.folder / "subscribers.csv", "--label", "left?", "--positive", "gone",
                                cls.project)
        cls.summary = tenure_json("run", cwd=cls.project)

    def test_the_table_is_understood_and_what_is_no_feature_is_left_out_with_the_reason(self):
        self.assertEqual((self.facts["rows"], self.facts["id"]), (3000, "Account No"))
        ignored = {row["column"]: row["why"] for row in self.facts["ignored"]}
        self.assertEqual(set(ignored), {"joined", "currency", "note", "cancel_reason"})
        self.assertTrue(all(ignored.values()))
        text = (self.project / "tenure.yaml").read_text()
        for column in ignored:
            self.assertIn(column, text)

    def test_the_table_is_named_relative_to_the_project_when_it_is_near(self):
        self.assertIn('source: "../subscribers.csv"   # relative', (self.project / "tenure.yaml").read_text())
        with temporary_folder() as base:
            near = base / "a" / "projects" / "one"
            (base / "a" / "tables ${x}").mkdir(parents=True)
            write_table(base / "a" / "tables ${x}" / "t.csv", rows=400)
            (base / "link").symlink_to(base / "a" / "projects", target_is_directory=True)
            for folder, expected in ((near, '"../../tables $${x}/t.csv"'), (base / "a" / "tables ${x}", '"t.csv"'),
                                     (base / "link" / "two", '"../../tables $${x}/t.csv"'),
                                     (base / "b" / "c" / "d", f'"{base}/a/tables $${{x}}/t.csv"')):
                with self.subTest(folder=folder):
                    tenure("init", "--from", "a/tables ${x}/t.csv", "--label", "left?", folder, cwd=base)
                    self.assertIn(f"source: {expected}", (folder / "tenure.yaml").read_text())
                    # Neither the working directory nor a link on the way changes what is read.
                    tenure("run", "--until", "ingest", "--config", folder / "tenure.yaml", cwd="/")

    def test_the_model_is_good_and_served_by_id(self):
        self.assertTrue(self.summary["promoted"])
        self.assertGreater(self.summary["metrics"]["cv_auc_mean"], 0.72)
        with Server(self.project) as server:
            status, answer = server.predict({"customer_id": "A-000007"})
            self.assertEqual((status, answer["level"]), (200, "primary"))

    def test_a_changed_feature_definition_never_starves_the_champion(self):
        config = self.project / "tenure.yaml"
        before = config.read_text()
        self.addCleanup(config.write_text, before)
        config.write_text(before + 'features:\n  entities:\n    customer: {key: "Account No"}\n  views:\n    profile:\n'
                          '      entity: customer\n      features: [visits, support_calls]\n'
                          '  services:\n    default: {features: ["profile:*"]}\n')
        table = self.folder / "subscribers.csv"
        rows = table.read_text()
        self.addCleanup(table.write_text, rows)
        table.write_text(rows + "A-999999;2024-05-05;plus;3;12.50;2;DE;EUR;new here;;stays\n")
        summary = tenure_json("run", "--set", "model.preset=light", "--set", "model.promotion.min_gain=0.5", cwd=self.project)
        self.assertFalse(summary["promoted"])
        with Server(self.project) as server:
            self.assertNotEqual(server.facts["version"], summary["version"])
            for customer in ("A-000007", "A-999999"):
                self.assertEqual(server.predict({"customer_id": customer})[1]["level"], "primary", customer)
            tenure("models", "promote", summary["version"], cwd=self.project)
        with Server(self.project) as server:
            answer = server.predict({"customer_id": "A-000007"})[1]
            self.assertEqual((answer["level"], answer["model"]["version"]), ("primary", summary["version"]))
        tenure("models", "rollback", cwd=self.project)


if __name__ == "__main__":
    unittest.main()
