"""Several versions share the requests: a canary, its guard, a shadow, and a second model beside the main one."""
import csv
import json
import os
import pwd
import threading
import unittest

from tenure_process import (EXIT_CONFLICT, EXIT_INVALID, EXIT_NOT_FOUND, EXIT_PERMISSION, EXIT_UNAVAILABLE, FAST,
                            Server, make_telco_project, temporary_folder, tenure, tenure_json)

CANARY = ("--set", "serving.traffic.arms.challenger.percent=50", "--set", "serving.poll_interval=50ms")
GUARD = ("--set", "serving.traffic.guard.answers_min=600", "--set", "serving.traffic.guard.window=10m",
         "--set", "serving.traffic.guard.latency_margin=0s", "--set", "serving.traffic.guard.psi_max=0.5")
# Far more than any of the waits below needs; what is waited for comes by itself.
REQUESTS_MAX = 200_000


class Traffic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        tenure("run", *FAST, "--set", "model.seed=7", "--set", "model.rounds=60", cwd=cls.project)
        # One round says about the same of everybody.
        tenure("run", *FAST, "--set", "model.rounds=1", "--set", "model.params.eta=0.01",
               "--set", "model.calibration=none", cwd=cls.project)
        tenure("run", *FAST, "--set", "model.name=upsell", cwd=cls.project)
        with open(cls.project / "data" / "customers.csv", newline="") as file:
            cls.customers = [row["customerID"] for row in csv.DictReader(file)]

    def setUp(self):
        self.point("champion", 1)
        self.point("challenger", 2)

    def point(self, alias, version):
        tenure("models", "promote", version, "--alias", alias, cwd=self.project)

    def versions(self, server, customers):
        """Who answers each of them, asked one by one."""
        found = {}
        for customer in customers:
            status, answer = server.predict({"customer_id": customer})
            self.assertEqual(status, 200, answer)
            self.assertEqual(answer["level"], "primary")
            self.assertEqual(answer["variant"], {1: "champion"}.get(answer["model"]["version"], "challenger"))
            found[customer] = answer["model"]["version"]
        return found

    def ask_until(self, server, is_done):
        """Keeps asking for customers in turn until `is_done(traffic)`; every answer must be good."""
        for n in range(REQUESTS_MAX):
            status, answer = server.predict({"customer_id": self.customers[n % len(self.customers)]})
            self.assertEqual(status, 200, answer)
            if n % 50 == 0:
                traffic = server.request("GET", "/traffic")[1]
                if is_done(traffic):
                    return traffic
        self.fail(f"still {server.request('GET', '/traffic')[1]}")

    def test_a_canary_keeps_its_customers_across_restarts_and_when_it_grows(self):
        customers = self.customers[:200]
        with Server(self.project, *CANARY) as server:
            first = self.versions(server, customers)
            batch = server.request("POST", "/predict/batch", {"customer_ids": customers[::-1]})[1]["predictions"]
            self.assertEqual({row["customer_id"]: row["model_version"] for row in batch}, first)
            connection = server.connect()
            connection.request("POST", "/predict", json.dumps({"customer_id": customers[0]}))
            headers = connection.getresponse().headers
            connection.close()
            self.assertEqual(headers["X-Model-Version"], str(first[customers[0]]))
            self.assertEqual(headers["X-Variant"], {1: "champion", 2: "challenger"}[first[customers[0]]])
        canaries = {customer for customer, version in first.items() if version == 2}
        self.assertGreater(len(canaries), 60)
        self.assertLess(len(canaries), 140)
        with Server(self.project, *CANARY) as server:
            self.assertEqual(self.versions(server, customers), first)
        with Server(self.project, *CANARY, "--set", "serving.traffic.arms.challenger.percent=80") as server:
            grown = {customer for customer, version in self.versions(server, customers).items() if version == 2}
        self.assertLess(canaries, grown)
        with Server(self.project, *CANARY, "--set", "serving.traffic.salt=another") as server:
            self.assertNotEqual(self.versions(server, customers), first)

    def test_the_guard_takes_a_bad_canary_out_while_requests_come(self):
        statuses, stop = [], threading.Event()
        with Server(self.project, *CANARY, *GUARD) as server:
            def load():
                connection, begin = server.connect(), 0
                while not stop.is_set():
                    # In turn, for the guard compares customers, not requests.
                    connection.request("POST", "/predict", json.dumps({"customer_ids": self.customers[begin:begin + 40]}))
                    begin = (begin + 40) % len(self.customers)
                    answer = connection.getresponse()
                    rows = json.loads(answer.read())["predictions"]
                    # Every row is of one version, and says of which.
                    is_whole = all((row["variant"] == "champion") == (row["model_version"] == 1) for row in rows)
                    statuses.append((answer.status, is_whole))
                connection.close()
            thread = threading.Thread(target=load)
            thread.start()
            try:
                self.ask_until(server, lambda traffic: traffic["arms"][0]["window"]["arm"]["answers"] > 2000)
                self.assertEqual(server.request("GET", "/traffic")[1]["arms"][0]["state"], "live")
                self.point("challenger", 3)
                traffic = self.ask_until(server, lambda traffic: traffic["arms"][0]["state"] == "taken out")
                arm = traffic["arms"][0]
                self.assertEqual((arm["version"], traffic["champion"]["percent"]), (3, 100))
                self.assertIn("scores", arm["why"])
                self.assertEqual(set(self.versions(server, self.customers[:100]).values()), {1})
                _, metrics = server.request("GET", "/metrics")
                rollbacks = [line for line in metrics.splitlines() if line.startswith("tenure_traffic_rollbacks_total")]
                self.assertEqual(rollbacks, ['tenure_traffic_rollbacks_total{variant="challenger"} 1'])
                # Better luck with another version.
                self.point("challenger", 2)
                self.ask_until(server, lambda traffic: traffic["arms"][0]["state"] == "live")
                self.assertEqual(set(self.versions(server, self.customers[:100]).values()), {1, 2})
            finally:
                stop.set()
                thread.join()
        self.assertGreater(len(statuses), 0)
        self.assertEqual(set(statuses), {(200, True)})
        trail = tenure_json("models", "show", "3", cwd=self.project)["audit"]
        entry = next(entry for entry in trail if entry["actor"] == "tenure" and entry["action"] == "tag")
        self.assertIn("taken out of arm 'challenger'", entry["reason"])

    def test_an_operator_sees_the_arms_and_takes_one_out_and_back(self):
        shadow = ("--set", "serving.traffic.arms.dark.alias=challenger", "--set", "serving.traffic.arms.dark.shadow=true")
        user = pwd.getpwuid(os.getuid()).pw_name
        with Server(self.project, *CANARY, *shadow) as server:
            self.versions(server, self.customers[:60])
            there = {"TENURE_SERVER": f"http://127.0.0.1:{server.port}", "cwd": self.project}
            shown = tenure("traffic", **there).stdout
            for word in ("telco-churn", "champion", "challenger", "dark", "arm", "shadow", "live", "50.00 %", "mean score"):
                self.assertIn(word, shown)
            traffic = tenure_json("traffic", **there)
            self.assertEqual(traffic["champion"]["answers"] + traffic["arms"][0]["answers"], 60)
            out = tenure_json("traffic", "take-out", "challenger", "--why", "more complaints", **there)["arms"][0]
            self.assertEqual((out["state"], out["why"], out["taken_out_by"]),
                             ("taken out", "by hand: more complaints", user))
            self.assertEqual(set(self.versions(server, self.customers[:60]).values()), {1})
            self.assertIn(f"by hand: more complaints (by {user})", tenure("traffic", **there).stdout)
            back = tenure_json("traffic", "put-back", "challenger", "--why", "it was the network", **there)["arms"][0]
            self.assertEqual((back["state"], back["taken_out_by"]), ("live", None))
            self.assertEqual(set(self.versions(server, self.customers[:60]).values()), {1, 2})
            for words, code, said in (
                    (("put-back", "challenger", "--why", "x"), EXIT_CONFLICT, "was not taken out"),
                    (("take-out", "dark", "--why", "x"), EXIT_CONFLICT, "is a shadow"),
                    (("take-out", "chalenger", "--why", "x"), EXIT_NOT_FOUND, "did you mean 'challenger'?"),
                    (("take-out", "challenger"), EXIT_INVALID, "--why TEXT is missing"),
                    (("--json", "take-out", "challenger"), EXIT_INVALID, "excludes")):
                done = tenure("traffic", *words, check=False, **there)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(said, done.stderr + done.stdout)
        trail = tenure_json("models", "audit", "telco-churn", "--version", "2", cwd=self.project)["entries"]
        self.assertEqual([(entry["actor"], "by hand" in entry["reason"]) for entry in trail[:2]],
                         [(user, False), (user, True)])
        gone = tenure("traffic", "--server", f"http://127.0.0.1:{server.port}", cwd=self.project, check=False)
        self.assertEqual(gone.returncode, EXIT_UNAVAILABLE)
        self.assertIn("tenure up", gone.stderr)
        self.assertEqual(tenure("traffic", "--server", "127.0.0.1", check=False).returncode, EXIT_INVALID)

    def test_the_command_shows_its_token_and_the_audit_names_it(self):
        made = tenure_json("admin", "tokens", "create", "night-shift", "--role", "operator", cwd=self.project)
        with Server(self.project, *CANARY, "--set", "auth.enabled=true") as server:
            there = {"TENURE_SERVER": f"http://127.0.0.1:{server.port}", "cwd": self.project}
            refused = tenure("traffic", check=False, **there)
            self.assertEqual(refused.returncode, EXIT_PERMISSION)
            self.assertIn("TENURE_TOKEN", refused.stderr)
            out = tenure_json("traffic", "take-out", "challenger", "--why", "noise", TENURE_TOKEN=made["token"],
                              **there)
            self.assertEqual(out["arms"][0]["taken_out_by"], "night-shift")
        entry = tenure_json("models", "audit", "telco-churn", "--version", "2", cwd=self.project)["entries"][0]
        self.assertEqual(entry["actor"], "night-shift")

    def test_a_canary_ends_with_its_alias(self):
        with Server(self.project, *CANARY) as server:
            self.assertEqual(server.request("GET", "/traffic")[1]["arms"][0]["state"], "live")
            tenure("models", "unalias", "challenger", cwd=self.project)
            self.ask_until(server, lambda traffic: traffic["arms"][0]["state"] == "not live")
            self.assertEqual(set(self.versions(server, self.customers[:100]).values()), {1})
        for alias, code in (("challenger", EXIT_NOT_FOUND), ("champion", EXIT_INVALID)):
            self.assertEqual(tenure("models", "unalias", alias, cwd=self.project, check=False).returncode, code)

    def test_a_shadow_repeats_predictions_and_answers_nobody(self):
        shadow = ("--set", "serving.traffic.arms.dark.alias=challenger", "--set", "serving.traffic.arms.dark.shadow=true")
        with Server(self.project, *shadow) as server:
            answers = [server.predict({"customer_id": customer})[1] for customer in self.customers[:30]]
            self.assertEqual({answer["model"]["version"] for answer in answers}, {1})
            traffic = server.request("GET", "/traffic")[1]
            for _ in range(REQUESTS_MAX):
                if traffic["arms"][0]["compared"]["predictions"] == 30:
                    break
                traffic = server.request("GET", "/traffic")[1]
            compared = traffic["arms"][0]["compared"]
            self.assertEqual((compared["predictions"], compared["dropped"]), (30, 0))
            self.assertGreater(compared["difference_max"], 0)
        # Both scores are in the log under one id; the one that was answered is replayed.
        replayed = tenure_json("replay", answers[0]["prediction_id"], cwd=self.project)
        self.assertEqual((replayed["version"], replayed["same"]), (1, True))

    def test_another_model_is_served_beside_the_main_one_and_harms_it_not(self):
        others = ("--set", "serving.models.upsell.alias=champion", "--set", "serving.models.nothing.alias=champion",
                  "--set", "serving.traffic.arms.challenger.percent=10")
        with Server(self.project, *others) as server:
            body = {"customer_id": self.customers[0]}
            status, answer = server.request("POST", "/predict?model=upsell", body)
            self.assertEqual((status, answer["model"]["name"], answer["level"]), (200, "upsell", "primary"))
            self.assertEqual(server.predict(body)[1]["model"]["name"], "telco-churn")
            self.assertEqual(server.request("POST", "/predict?model=nothing", body)[0], 503)
            index = {(entry["name"], entry["state"]) for entry in server.request("POST", "/v2/repository/index", "")[1]}
            self.assertEqual(index, {("telco-churn", "READY"), ("upsell", "READY"), ("nothing", "UNAVAILABLE")})
            self.assertEqual(server.request("GET", "/ready")[0], 200)
        self.assertTrue(tenure_json("replay", answer["prediction_id"], cwd=self.project)["same"])

    def test_a_version_is_warmed_up_and_compared_before_it_goes_live(self):
        with Server(self.project, "--set", "serving.poll_interval=50ms") as server:
            first = server.request("GET", "/model-info")[1]["warm_up"]
            self.assertEqual((first["rows"], first["against"]), (256, None))
            self.point("champion", 2)
            for _ in range(REQUESTS_MAX):
                info = server.request("GET", "/model-info")[1]
                if info["version"] == 2 and info["watcher"]["live_version"] == 2:
                    break
            self.assertEqual(info["warm_up"]["against"], 1)
            self.assertGreater(info["warm_up"]["score_shift_max"], info["warm_up"]["score_shift_mean"])
            self.assertGreater(info["warm_up"]["score_shift_mean"], 0)

    def test_arms_that_cannot_be_are_refused_with_their_key(self):
        for change, words in (("champion.percent=5", "is what is served already"), ("a.percent=101", "0..100"),
                              ("a.percnt=1", "percent")):
            done = tenure("up", "--port", "0", "--set", f"serving.traffic.arms.{change}", cwd=self.project, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertIn("serving.traffic.arms", done.stderr)


if __name__ == "__main__":
    unittest.main()
