"""The main story: from a table to a served prediction, on the generated Telco customers."""
import csv
import json
import unittest

from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure, tenure_json


class TelcoLoop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        cls.summary = tenure_json("run", *FAST, cwd=cls.project)

    def customers(self, count=5):
        with open(self.project / "data" / "customers.csv", newline="") as file:
            return [row for _, row in zip(range(count), csv.DictReader(file))]

    def test_run_answers_with_one_object_that_says_what_happened(self):
        self.assertEqual(self.summary["state"], "succeeded")
        self.assertEqual(self.summary["version"], 1)
        self.assertTrue(self.summary["promoted"])
        self.assertIn("no champion", self.summary["why"])
        self.assertRegex(self.summary["run_id"], "^[0-9a-f]{32}$")
        for metric in ("cv_auc_mean", "cv_auc_sd", "test_auc", "average_precision", "log_loss", "brier", "ece",
                       "top_decile_lift"):
            self.assertIsInstance(self.summary["metrics"][metric], float, metric)
        self.assertGreater(self.summary["metrics"]["cv_auc_mean"], 0.8)
        self.assertEqual(list(self.summary["seconds"]), ["ingest", "split", "features", "train", "evaluate", "register",
                                                         "materialize", "promote"])
        for path in self.summary["wrote"]:
            self.assertTrue((self.project / path).exists(), path)

    def test_the_model_package_is_an_mlflow_folder(self):
        shown = tenure_json("models", "show", cwd=self.project)
        with open(shown["package"] + "/MLmodel") as file:
            text = file.read()
        for flavor in ("tenure", "xgboost", "python_function"):
            self.assertIn(flavor, text)
        self.assertEqual(shown["aliases"], ["champion"])
        self.assertIn("set_alias", [entry["action"] for entry in shown["audit"]])

    def test_predicting_by_id_looks_the_features_up_and_equals_bulk_scoring(self):
        tenure("score", "data/customers.csv", "scores.csv", cwd=self.project)
        with open(self.project / "scores.csv", newline="") as file:
            scores = {row["customerID"]: row for row in csv.DictReader(file)}
        self.assertEqual(len(scores), 1500)
        with Server(self.project) as server:
            for customer in self.customers(50):
                key = customer["customerID"]
                status, answer = server.predict({"customer_id": key})
                self.assertEqual(status, 200, answer)
                self.assertEqual(answer["customer_id"], key)
                self.assertEqual(answer["level"], "primary")
                self.assertEqual(answer["probability"], float(scores[key]["probability"]))
                self.assertEqual(answer["decision"], scores[key]["decision"])
                self.assertEqual(answer["model"], {"name": "telco-churn", "version": 1})

    def test_all_request_forms_agree(self):
        first, second = self.customers(2)
        with Server(self.project) as server:
            _, info = server.request("GET", "/model-info")
            names = [field["name"] for field in info["inputs"]]
            rows = [{name: row[name] for name in names} for row in (first, second)]
            for row in rows:  # as a JSON client would send them
                row.update(tenure=int(row["tenure"]), SeniorCitizen=int(row["SeniorCitizen"]),
                           MonthlyCharges=float(row["MonthlyCharges"]), TotalCharges=float(row["TotalCharges"].strip() or 0))
            expected = [server.predict({"customer_id": row["customerID"]})[1]["probability"] for row in (first, second)]
            by_ids = server.predict({"customer_ids": [first["customerID"], second["customerID"]]})[1]
            by_objects = server.predict({"features": rows})[1]
            by_lists = server.predict({"features": [[row[name] for name in names] for row in rows]})[1]
            for answer in (by_ids, by_objects, by_lists):
                self.assertEqual([row["probability"] for row in answer["predictions"]], expected)
            self.assertEqual(server.predict({"features": rows[0]})[1]["probability"], expected[0])

    def test_features_in_the_request_win_over_stored_ones(self):
        customer = next(row for row in self.customers(200) if row["Contract"] == "Month-to-month")
        with Server(self.project) as server:
            stored = server.predict({"customer_id": customer["customerID"]})[1]["probability"]
            changed = server.predict({"customer_id": customer["customerID"], "features": {"Contract": "Two year", "tenure": 70}})[1]
            self.assertLess(changed["probability"], stored)

    def test_a_missing_charge_means_what_it_meant_in_training(self):
        customer = next(iter(self.customers(1)))["customerID"]
        with Server(self.project) as server:
            answers = [server.predict({"customer_id": customer, "features": {"TotalCharges": value}})[1]["probability"]
                       for value in (None, 0, 5000)]
            self.assertEqual(answers[0], answers[1])
            self.assertNotEqual(answers[0], answers[2])

    def test_an_unknown_customer_is_answered_by_the_base_rate(self):
        with Server(self.project) as server:
            status, answer = server.predict({"customer_id": "nobody"})
            self.assertEqual((status, answer["level"], answer["fallback_reason"]), (200, "base_rate", "unknown_entity"))

    def test_bad_input_is_answered_with_every_mistake_at_once(self):
        with Server(self.project) as server:
            status, answer = server.predict({"features": {"tenure": "soon", "MonthlyChages": 3}})
            self.assertEqual(status, 422)
            self.assertEqual({error["type"] for error in answer["detail"]}, {"float_parsing", "extra_forbidden", "missing"})
            self.assertIn("MonthlyCharges", json.dumps(answer))
            self.assertEqual(server.predict("{")[0], 422)
            self.assertEqual(server.predict({})[0], 422)

    def test_health_ready_docs_and_metrics(self):
        with Server(self.project) as server:
            self.assertEqual(server.request("GET", "/health")[0], 200)
            self.assertEqual(server.request("GET", "/ready")[0], 200)
            self.assertEqual(server.request("GET", "/model-info")[1]["version"], 1)
            status, schema = server.request("GET", "/openapi.json")
            self.assertEqual((status, schema["openapi"]), (200, "3.1.0"))
            self.assertIn("swagger", server.request("GET", "/docs")[1].lower())
            self.assertIn("tenure_predictions_total", server.request("GET", "/metrics")[1])
            self.assertEqual(server.request("GET", "/nothing")[0], 404)
            self.assertEqual(server.request("GET", "/predict")[0], 405)


if __name__ == "__main__":
    unittest.main()
