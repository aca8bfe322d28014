"""What came of customers is told, joined to what was predicted of them, and judges the versions."""
import csv
import json
import sqlite3
import unittest

from tenure_process import (EXIT_INVALID, EXIT_NOT_FOUND, FAST, Server, make_telco_project, temporary_folder, tenure,
                            tenure_json, wait_until)

# Scores are not compared here: what comes of the customers has the word.
GUARD = ("--set", "serving.traffic.arms.challenger.percent=50", "--set", "serving.poll_interval=50ms",
         "--set", "serving.traffic.guard.mean_margin=1", "--set", "serving.traffic.guard.psi_max=0",
         "--set", "serving.traffic.guard.latency_margin=0s", "--set", "monitoring.labels.join_interval=50ms")
GOOD, BAD = 2, 3


class Labels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        tenure("run", *FAST, "--set", "model.seed=7", cwd=cls.project)
        # Ranks as well as the others do, and says far too much of everybody.
        tenure("run", *FAST, "--set", "model.params.scale_pos_weight=6", "--set", "model.calibration=none",
               cwd=cls.project)
        with open(cls.project / "data" / "customers.csv", newline="") as file:
            cls.outcomes = {row["customerID"]: row["Churn"] for row in csv.DictReader(file)}

    def setUp(self):
        tenure("models", "promote", 1, cwd=self.project)

    def point(self, version):
        tenure("models", "promote", version, "--alias", "challenger", cwd=self.project)

    def arm(self, server):
        return server.request("GET", "/traffic")[1]["arms"][0]

    def ask_everybody(self, server, version):
        """Asks for all customers once the canary has that version; who answered whom."""
        wait_until(lambda: self.arm(server)["version"] == version)
        answers = server.request("POST", "/predict/batch", {"customer_ids": list(self.outcomes)})[1]["predictions"]
        self.assertEqual({row["model_version"] for row in answers}, {1, version})
        return answers

    def tell(self, server, answers):
        """Half of the labels name the prediction, half the customer."""
        labels = [{"label": self.outcomes[row["customer_id"]],
                   **({"prediction_id": row["prediction_id"]} if n % 2 else {"customer_id": row["customer_id"]})}
                  for n, row in enumerate(answers)]
        status, answer = server.request("POST", "/api/tenure/labels", {"labels": labels})
        self.assertEqual((status, answer["received"]), (200, len(labels)), answer)

    def test_labels_take_out_a_canary_that_says_too_much_and_leave_a_good_one(self):
        self.point(GOOD)
        with Server(self.project, *GUARD) as server:
            answers = self.ask_everybody(server, GOOD)
            self.tell(server, answers)
            wait_until(lambda: (self.arm(server)["outcomes"] or {"customers": 0})["customers"] > 600)
            traffic = server.request("GET", "/traffic")[1]
            champion, good = traffic["champion"]["outcomes"], traffic["arms"][0]
            mine = [row for row in answers if row["variant"] == "challenger"]
            self.assertEqual(good["outcomes"]["customers"], len(mine))
            self.assertGreaterEqual(champion["customers"], len(answers) - len(mine))
            self.assertEqual(good["outcomes"]["events"], sum(self.outcomes[row["customer_id"]] == "Yes" for row in mine))
            self.assertAlmostEqual(good["outcomes"]["expected"], sum(row["probability"] for row in mine), places=3)
            self.assertEqual(good["state"], "live")

            self.point(BAD)
            answers = self.ask_everybody(server, BAD)
            self.assertIsNone(self.arm(server)["outcomes"])
            self.assertEqual(self.arm(server)["state"], "live", "nothing is known of it yet")
            self.tell(server, answers)
            wait_until(lambda: self.arm(server)["state"] == "taken out")
            bad = self.arm(server)
            self.assertIn("customers with labels", bad["why"])
            self.assertIn("times as many", bad["why"])
            self.assertLess(bad["outcomes"]["observed_to_expected"], 0.8)
            again = server.request("POST", "/predict/batch", {"customer_ids": list(self.outcomes)})[1]["predictions"]
            self.assertEqual({row["model_version"] for row in again}, {1}, "the champion answers everybody")
            metrics = server.request("GET", "/metrics")[1].splitlines()
            self.assertIn('tenure_traffic_rollbacks_total{variant="challenger"} 1', metrics)
            for name in ('tenure_traffic_observed_to_expected{variant="challenger"} 0.',
                         'tenure_traffic_labelled_customers{variant="champion"} ', "tenure_labels_joined_total ",
                         "tenure_label_delay_seconds_count "):
                self.assertTrue(any(line.startswith(name) for line in metrics), name)

            # An operator may know better; what is known already does not speak against it again.
            self.assertEqual(server.request("POST", "/traffic/challenger/put-back")[0], 200)
            self.assertEqual(self.arm(server)["state"], "live")
        trail = tenure_json("models", "show", BAD, cwd=self.project)["audit"]
        entry = next(entry for entry in trail if entry["actor"] == "tenure" and entry["action"] == "tag")
        self.assertIn("taken out of arm 'challenger'", entry["reason"])
        evidence = entry["evidence"]
        self.assertGreater(evidence["outcomes"]["customers"], 600)
        self.assertLess(evidence["outcomes"]["observed_to_expected"], 0.8)
        self.assertGreater(evidence["champion_outcomes"]["observed_to_expected"], 0.8)
        # It comes back with a new server, which finds at once what is known.
        with Server(self.project, *GUARD) as server:
            wait_until(lambda: self.arm(server)["state"] == "taken out")

        shown = tenure_json("monitor", "performance", cwd=self.project)["versions"]
        by_version = {row["version"]: row for row in shown}
        self.assertEqual(set(by_version), {1, GOOD, BAD})
        self.assertEqual(by_version[1]["aliases"], ["champion"])
        self.assertLess(by_version[BAD]["events_z"], -4)
        self.assertIn("observed/expected", tenure("monitor", "performance", cwd=self.project).stdout)

    def test_labels_come_from_a_file_and_twice_is_once(self):
        self.point(GOOD)
        customers = list(self.outcomes)[:40]
        with Server(self.project) as server:
            server.request("POST", "/predict/batch", {"customer_ids": customers})
        file = self.folder / "left.csv"
        file.write_text("customerID,Churn,time\n" + "".join(
            f"{customer},{self.outcomes[customer]},2026-01-01\n" for customer in customers) + "nobody,,2026-01-01\n")
        first = tenure_json("monitor", "labels", file, "--time", "time", cwd=self.project)
        self.assertEqual((first["received"], first["new"], first["without_label"]), (40, 40, 1))
        self.assertEqual(tenure_json("monitor", "labels", file, cwd=self.project)["new"], 0)
        file.write_text("customerID,Churn\nA,perhaps\n")
        refused = tenure("monitor", "labels", file, cwd=self.project, check=False)
        self.assertEqual(refused.returncode, EXIT_INVALID)
        self.assertIn("row 1: 'perhaps' is no label", refused.stderr)
        missing = tenure("monitor", "labels", file, "--label", "left", cwd=self.project, check=False)
        self.assertEqual(missing.returncode, EXIT_NOT_FOUND)
        self.assertIn("customerID, Churn", missing.stderr)

    def test_a_customer_is_forgotten_by_the_command_and_by_the_server(self):
        self.point(GOOD)
        customers = list(self.outcomes)[100:104]
        with Server(self.project, "--set", "monitoring.labels.join_interval=50ms") as server:
            answers = server.request("POST", "/predict/batch", {"customer_ids": customers})[1]["predictions"]
            # One names the customer, the others a prediction.
            told = [{"customer_id": customers[0], "label": 1}] + [
                {"prediction_id": row["prediction_id"], "label": 0} for row in answers]
            self.assertEqual(server.request("POST", "/api/tenure/labels", told)[1]["new"], 5)
            path = "/api/tenure/labels?entity={}&entity={}&why=ticket+7"
            status, answer = server.request("DELETE", path.format(customers[0], customers[1]))
            self.assertEqual((status, answer["customers"], answer["labels"]), (200, 2, 3))
            self.assertEqual(server.request("DELETE", "/api/tenure/labels")[0], 400)
        erased = tenure_json("monitor", "labels", "--erase", customers[2], "--erase", "nobody", "--why", "a request",
                             cwd=self.project)
        self.assertEqual((erased["customers"], erased["labels"]), (2, 1))
        again = tenure("monitor", "labels", "--erase", customers[2], cwd=self.project)
        self.assertIn("of 1 customer: 0 labels, 0 outcomes", again.stdout)
        both = tenure("monitor", "labels", "left.csv", "--erase", customers[2], cwd=self.project, check=False)
        self.assertEqual(both.returncode, EXIT_INVALID)
        none = tenure("monitor", "labels", cwd=self.project, check=False)
        self.assertEqual(none.returncode, EXIT_INVALID)
        self.assertIn("FILE is missing", none.stderr)
        database = sqlite3.connect(self.project / ".tenure" / "tenure.db")
        trail = database.execute("SELECT actor, reason, evidence FROM tenure_audit WHERE subject = 'labels' "
                                 "ORDER BY id").fetchall()
        database.close()
        self.assertEqual([row[1] for row in trail[:2]], ["ticket 7", "a request"])
        self.assertFalse(any(customer in row[2] for row in trail for customer in customers))

    def test_mistakes_in_labels_are_all_named_and_nothing_is_kept(self):
        with Server(self.project) as server:
            status, answer = server.request("POST", "/api/tenure/labels", [
                {"customer_id": "C-1", "label": 1}, {"label": 1}, {"customer_id": "C-2"},
                {"customer_id": "C-3", "label": "perhaps"}, {"customer_id": "C-4", "label": 0, "time": "soon"}])
            self.assertEqual(status, 422)
            self.assertEqual([error["loc"] for error in answer["detail"]],
                             [["body", 1, "prediction_id"], ["body", 2, "label"], ["body", 3, "label"],
                              ["body", 4, "time"]])
            status, answer = server.request("POST", "/api/tenure/labels", {"customer_id": "C-1", "label": "no"})
            self.assertEqual((status, answer), (200, {"model": "telco-churn", "received": 1, "new": 1}))
            key = {"Idempotency-Key": '"told-1"'}
            body = json.dumps({"customer_id": "C-1", "label": "no"})
            self.assertEqual(server.request("POST", "/api/tenure/labels", body, key),
                             server.request("POST", "/api/tenure/labels", body, key))
            self.assertEqual(server.request("POST", "/api/tenure/labels?model=other", body)[0], 404)


if __name__ == "__main__":
    unittest.main()
