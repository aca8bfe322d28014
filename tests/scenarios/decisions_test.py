"""From score to decision: offers, budget, fallback levels, and looking back at a past prediction."""
import csv
import unittest

from tenure_process import (EXIT_INVALID, EXIT_NOT_FOUND, FAST, Server, make_telco_project, temporary_folder, tenure,
                            tenure_json)

DECISION = """decision:
  value: MonthlyCharges * 12
  contact_cost: 2
  offers:
    call: {label: A call from support, acceptance: 0.1}
    discount: {label: Ten off for a year, cost: 120, acceptance: 0.3}
"""
RULES = """
serving:
  fallback:
    missing_max: 0.5
    rules:
      new on fibre: {when: InternetService = 'Fiber optic' and tenure <= 6, probability: 0.74}
      anybody: {when: tenure is missing, probability: 0.25}
"""
REASONS = """model:
  reasons:
    Contract: {raises: "can leave any month ({value})", lowers: "is bound ({value})"}
"""


class Decisions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        file = cls.project / "tenure.yaml"
        cls.plain = file.read_text()
        text = cls.plain.replace("decision:\n", DECISION, 1).replace("model:\n", REASONS, 1)
        file.write_text(text + RULES)
        tenure("run", *FAST, cwd=cls.project)
        with open(cls.project / "data" / "customers.csv", newline="") as rows:
            cls.ids = [row["customerID"] for _, row in zip(range(50), csv.DictReader(rows))]

    def replayed(self, prediction):
        return tenure_json("replay", prediction["prediction_id"], cwd=self.project)

    def test_the_server_decides_and_every_answer_can_be_replayed(self):
        with Server(self.project) as server:
            status, answer = server.request("POST", "/decide", {"customer_ids": [*self.ids, "nobody"]})
            self.assertEqual(status, 200)
            decided = answer["predictions"]
            actions = {one["action"] for one in decided}
            self.assertLessEqual(actions, {"none", "review", "call", "discount"})
            self.assertTrue(actions & {"call", "discount"}, actions)
            for one in decided:
                if one["action"] in ("call", "discount"):
                    self.assertGreater(one["expected_profit"], 0)
                    self.assertFalse(one["uncertain"])
            nobody = decided[-1]
            self.assertEqual((nobody["level"], nobody["rule"], nobody["fallback_reason"], nobody["probability"]),
                             ("rules", "anybody", "unknown_entity", 0.25))
            self.assertNotIn(nobody["action"], ("call", "discount"), "no money on a guess")
            features = {name: None for name in self.inputs(server)} | {"InternetService": "Fiber optic", "tenure": 2}
            status, sparse = server.predict({"features": features})
            self.assertEqual((sparse["level"], sparse["fallback_reason"]), ("secondary", "missing_features"))
            status, reasons = server.request("POST", "/predict?explain=30", {"customer_ids": self.ids[:5]})
            texts = [reason["text"] for one in reasons["predictions"] for reason in one["reasons"]
                     if reason["feature"] == "Contract"]
            self.assertTrue(texts)
            for text in texts:
                self.assertRegex(text, r"^(can leave any month|is bound) \(.+\)$")
            stats = server.request("GET", "/fallback-stats")[1]
            self.assertEqual((stats["levels"]["secondary"], stats["levels"]["rules"]), (1, 1))
            self.assertEqual(stats["breakers"]["online_store"]["state"], "closed")
        for one, level in ((decided[0], "primary"), (nobody, "rules"), (sparse, "secondary")):
            again = self.replayed(one)
            self.assertEqual((again["same"], again["level"], again["differences"]), (True, level, []))
            self.assertEqual(again["replayed"]["decision"], one["decision"])
        done = tenure("replay", "01a1fdf2-7b85-7ba9-a870-fd493d3f51c3", cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_NOT_FOUND)

    def inputs(self, server):
        return [one["name"] for one in server.request("GET", "/model-info")[1]["inputs"]]

    def score(self, *options):
        answer = tenure_json("score", "data/customers.csv", "out.csv", *options, cwd=self.project)
        with open(self.project / "out.csv", newline="") as file:
            return answer, list(csv.DictReader(file))

    def test_a_campaign_keeps_to_its_budget(self):
        free, rows = self.score("--decide", "--reasons", 2)
        self.assertEqual(free["rows"], len(rows))
        offered = [row for row in rows if row["why"] == "worthwhile"]
        self.assertEqual(len(offered), free["offers"])
        self.assertAlmostEqual(sum(float(row["expected_profit"]) for row in rows), free["expected_profit"], places=6)
        self.assertTrue(all(row["reason_1"] for row in offered))
        self.assertTrue(any("can leave any month" in row["reason_1"] + row["reason_2"] for row in offered))
        budget = 300
        bound, rows = self.score("--budget", budget)
        self.assertLessEqual(bound["expected_cost"], budget)
        self.assertLessEqual(bound["expected_profit"], bound["profit_bound"] + 1e-6)
        self.assertLess(bound["expected_profit"], free["expected_profit"])
        self.assertEqual(sum(row["why"] == "over_budget" for row in rows) + bound["offers"], free["offers"])

    def test_a_campaign_keeps_to_its_capacity_and_holds_its_control_group_back(self):
        free, free_rows = self.score("--decide")
        served, rows = self.score("--capacity", 20)
        self.assertEqual((served["offers"], served["capacity"]), (20, 20))
        self.assertEqual(sum(row["why"] == "over_capacity" for row in rows), free["offers"] - 20)
        self.assertAlmostEqual(served["expected_profit"], served["profit_bound"], places=4)
        control = ("--set", "decision.control_share=0.2", "--set", "decision.campaign=spring")
        held, rows = self.score("--decide", *control)
        members = {row["customerID"] for row in rows if row["control"] == "true"}
        due = [row for row in free_rows if row["action"] != "none"]  # an offer, or a review
        self.assertEqual(held["held_back"], sum(row["customerID"] in members for row in due))
        self.assertEqual(held["offers"], sum(row["why"] == "worthwhile" and row["customerID"] not in members
                                             for row in due))
        self.assertTrue(held["held_back"])
        self.assertTrue(all(row["action"] == "none" for row in rows if row["customerID"] in members))
        with Server(self.project, *control) as server:
            one = next(row["customerID"] for row in rows if row["why"] == "control_group")
            answer = server.request("POST", "/decide", {"customer_id": one})[1]
            self.assertEqual((answer["control"], answer["action"], answer["why"], answer["offer"]),
                             (True, "none", "control_group", None))

    def test_recourse_names_ways_to_a_target_and_keeps_to_the_rules(self):
        _, rows = self.score("--recourse", "--target", "0.3", "--interactions", "1")
        advised = [row for row in rows if row["recourse_1"]]
        self.assertTrue(advised)
        self.assertTrue(all(float(row["recourse_1_probability"]) <= 0.3 for row in advised))
        self.assertTrue(all(float(row["recourse_1_cost"]) <= float(row["recourse_2_cost"])
                            for row in advised if row["recourse_2"]))
        with Server(self.project) as server:
            row = advised[0]
            status, answer = server.request("POST", "/recourse?target=0.3", {"customer_id": row["customerID"]})
            self.assertEqual(status, 200)
            self.assertTrue(answer["reached"])
            best = answer["options"][0]
            self.assertEqual(" + ".join(action["label"] for action in best["actions"]), row["recourse_1"])
            self.assertIn("associations", answer["note"])
            # What is said to come of it does: the same customer with the changes.
            changes = {change["feature"]: change["to"] for change in best["changes"]}
            after = server.predict({"customer_id": row["customerID"], "features": changes})[1]
            self.assertEqual(after["probability"], best["probability"])

    def test_an_evaluation_says_what_a_campaign_would_have_brought(self):
        profit = tenure_json("evaluate", cwd=self.project)["profit"]
        self.assertEqual((len(profit["points"]), profit["points"][0]["profit"]), (21, 0))
        self.assertTrue(all(point["low"] <= point["high"] for point in profit["points"]))
        self.assertEqual(profit["best"]["profit"], max(point["profit"] for point in profit["points"]))
        self.assertRegex(tenure("evaluate", cwd=self.project).stdout, "Most profit when the likeliest")

    def test_a_rule_that_does_not_fit_the_model_stops_the_start(self):
        file = self.project / "tenure.yaml"
        text = file.read_text()
        self.addCleanup(file.write_text, text)
        file.write_text(text.replace("tenure is missing", "tenur is missing"))
        done = tenure("up", "--port", "0", cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_INVALID)
        self.assertRegex(done.stderr, r"tenure\.yaml:\d+: serving\.fallback\.rules\.anybody\.when: .*tenure")

    def test_without_offers_there_is_nothing_to_decide(self):
        file = self.project / "tenure.yaml"
        text = file.read_text()
        self.addCleanup(file.write_text, text)
        file.write_text(self.plain)
        done = tenure("score", "data/customers.csv", "out.csv", "--decide", cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_INVALID)
        self.assertIn("decision.offers", done.stderr)
        with Server(self.project) as server:
            self.assertEqual(server.request("POST", "/decide", {"customer_id": self.ids[0]})[0], 501)


if __name__ == "__main__":
    unittest.main()
