"""The prediction log: under policy `block` an answer that was sent is an event that survives, also on its way to
Parquet."""
import json
import resource
import signal
import threading
import unittest

from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure, tenure_json

CUSTOMERS = 12
BLOCK = ("--set", "monitoring.prediction_log.policy=block")


class StrictLog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)

    def predict_until_it_fails(self, server, acknowledged, lock):
        connection = server.connect()
        try:
            while True:
                connection.request("POST", "/predict", json.dumps({"customer_id": "0000-NOBODY"}))
                answer = connection.getresponse()
                body = json.loads(answer.read())
                if answer.status != 200:
                    return
                with lock:
                    acknowledged.append(body)
        except (OSError, ValueError):
            return
        finally:
            connection.close()

    def test_keeps_every_acknowledged_prediction_when_killed_under_load(self):
        acknowledged, lock = [], threading.Lock()
        for _ in range(3):
            with Server(self.project, *BLOCK) as server:
                clients = [threading.Thread(target=self.predict_until_it_fails, args=(server, acknowledged, lock))
                           for _ in range(CUSTOMERS)]
                for client in clients:
                    client.start()
                goal = len(acknowledged) + 400
                while len(acknowledged) < goal and any(client.is_alive() for client in clients):
                    clients[0].join(0.01)
                server.stop(signal.SIGKILL)
                for client in clients:
                    client.join()
        self.assertGreaterEqual(len(acknowledged), 1200)
        self.assertEqual(self.lost([answer["prediction_id"] for answer in acknowledged]), [])
        for answer in acknowledged[:: len(acknowledged) // 5]:
            replayed = tenure_json("replay", answer["prediction_id"], cwd=self.project)
            self.assertTrue(replayed["same"], replayed["differences"])
            self.assertEqual(replayed["logged"]["probability"], answer["probability"])

    def archived_ids(self, folder):
        if not list(folder.glob("parquet/**/*.parquet")):
            return []
        sql = f"SELECT prediction_id FROM read_parquet('{folder}/parquet/**/*.parquet', union_by_name=true)"
        return [row[0] for row in tenure_json("data", "query", sql, "--limit", "1000000", cwd=self.project)["rows"]]

    def lost(self, ids, folder=None):
        """Of these predictions, those whose event is in no segment of the log and in no Parquet file."""
        folder = folder or self.project / ".tenure/predictions"
        segments = b"".join(path.read_bytes() for path in folder.glob("*.log"))
        archived = set(self.archived_ids(folder))
        return [each for each in ids
                if each not in archived and bytes.fromhex(each.replace("-", "")) not in segments]

    def test_refuses_on_a_full_disk_and_answers_again_when_there_is_room(self):
        with Server(self.project, *BLOCK, "--set", "monitoring.prediction_log.sync_interval=5ms") as server:
            self.assertEqual(server.predict({"customer_id": "a"})[0], 200)
            pid = server.process.pid
            soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1000, hard))
            answered, status = [], 200
            while status == 200:
                status, body = server.predict({"customer_id": "a"})
                if status == 200:
                    answered.append(body["prediction_id"])
            self.assertEqual(status, 503)
            self.assertIn("prediction log", body["detail"])
            self.assertEqual(server.request("GET", "/health")[0], 200)
            self.assertEqual(self.lost(answered), [])
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
            while server.predict({"customer_id": "a"})[0] != 200:
                pass
            _, metrics = server.request("GET", "/metrics")
            self.assertNotIn("tenure_prediction_answers_refused_total 0\n", metrics)
            self.assertIn("tenure_prediction_events_dropped_total 0\n", metrics)

    def test_counts_what_it_drops_on_a_full_disk_under_policy_drop(self):
        options = ("--set", "monitoring.prediction_log.buffer_events=64")
        with Server(self.project, *options) as server:
            pid = server.process.pid
            soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
            metrics = "tenure_prediction_events_dropped_total 0\n"
            while "tenure_prediction_events_dropped_total 0\n" in metrics:
                for _ in range(50):
                    self.assertEqual(server.predict({"customer_id": "a"})[0], 200)
                _, metrics = server.request("GET", "/metrics")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))

    def test_loses_and_doubles_nothing_when_killed_while_it_archives(self):
        options = ("--set", "monitoring.prediction_log.path=.tenure/archived",
                   "--set", "monitoring.prediction_log.segment_max=4KiB",
                   "--set", "monitoring.prediction_log.tidy_interval=10ms")
        folder = self.project / ".tenure/archived"
        acknowledged = []
        for round_number in range(4):
            with Server(self.project, *BLOCK, *options) as server:
                for _ in range(100):
                    status, body = server.predict({"customer_id": "a"})
                    self.assertEqual(status, 200)
                    acknowledged.append(body["prediction_id"])
                server.stop(signal.SIGKILL if round_number < 3 else signal.SIGTERM)
        self.assertTrue(list(folder.glob("parquet/model=*/date=*/hour=*/*.parquet")))
        self.assertEqual(self.lost(acknowledged, folder), [])
        path = ("--set", "monitoring.prediction_log.path=.tenure/archived")
        for each in acknowledged[::67]:
            self.assertTrue(tenure_json("replay", each, *path, cwd=self.project)["same"])
        # With the first event of the next start the last segment is closed, too, and becomes Parquet.
        last = max(folder.glob("*.log"))
        with Server(self.project, *options) as server:
            server.predict({"customer_id": "a"})
            while last.exists():
                self.assertEqual(server.request("GET", "/health")[0], 200)
        self.assertEqual(list(folder.glob("**/*.tmp")), [])
        ids = self.archived_ids(folder)
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(sorted(set(acknowledged) & set(ids)), sorted(acknowledged))
        with Server(self.project, *options, "--set", "monitoring.prediction_log.retain_size=1B") as server:
            while list(folder.glob("parquet/**/*.parquet")):
                self.assertEqual(server.request("GET", "/health")[0], 200)

    def test_needs_the_log(self):
        done = tenure("up", *BLOCK, "--set", "monitoring.prediction_log.enabled=false", cwd=self.project, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("policy", done.stderr)


if __name__ == "__main__":
    unittest.main()
