"""Killed programs, full disks, damaged files, two at once: nothing acknowledged is lost, and a second try works."""
import concurrent.futures
import contextlib
import http.client
import json
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest
import uuid

from tenure_process import (EXIT_CANCELLED, EXIT_CONFLICT, EXIT_CORRUPT, EXIT_EXHAUSTED, EXIT_UNAVAILABLE, FAST, TENURE, Server,
                            make_telco_project, temporary_folder, tenure, tenure_json, wait_until)

STEPS = ("ingest", "split", "features", "train", "evaluate", "register", "materialize", "promote")


class KilledErasures(unittest.TestCase):
    LABELS = 20_000

    def test_labels_are_erased_whole_or_not_at_all(self):
        with temporary_folder() as folder:
            project = make_telco_project(folder / "telco")
            file = folder / "left.csv"
            file.write_text("customerID,Churn,time\n" + "".join(
                f"C-1,{n % 2},{2000 + n // 1000}-01-01T00:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}Z\n"
                for n in range(self.LABELS)) + "C-2,1,2026-01-01\n")
            tell = ("monitor", "labels", file, "--time", "time")
            told = tenure_json(*tell, cwd=project)["new"]
            database = sqlite3.connect(project / ".tenure" / "tenure.db")

            def count(query):
                return database.execute(query).fetchone()[0]

            erasures = 0
            for delay in range(0, 300, 15):
                process = subprocess.Popen([TENURE, "monitor", "labels", "--erase", "C-1"], cwd=project,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(delay / 1000)
                process.kill()
                process.wait()
                left = count("SELECT count(*) FROM tenure_labels WHERE entity_id = 'C-1'")
                entries = count("SELECT count(*) FROM tenure_audit WHERE subject = 'labels'")
                self.assertIn((left, entries), ((0, erasures + 1), (told - 1, erasures)))
                erasures = entries
                if left == 0:
                    tenure(*tell, cwd=project)
            erased = tenure_json("monitor", "labels", "--erase", "C-1", cwd=project)
            self.assertEqual(erased["labels"], told - 1)
            self.assertEqual(count("SELECT count(*) FROM tenure_labels"), 1, "the other customer's")
            database.close()


class KilledRuns(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.project = make_telco_project(self.folder / "telco")

    def kill_during(self, step):
        """Starts a run and kills it with SIGKILL as soon as the step shows as running (or the run ends)."""
        run = subprocess.Popen([TENURE, "run", *FAST], cwd=self.project, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        before = STEPS[:STEPS.index(step)]
        seen = threading.Event()
        lines = []

        def watch():
            for line in run.stderr:
                lines.append(line.decode())
                if sum(mark in text for text in lines for mark in ("✓",)) >= len(before):
                    seen.set()
            seen.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        if before:
            seen.wait(60)
        run.kill()
        run.wait()
        watcher.join()
        run.stdout.close()
        run.stderr.close()

    def test_a_run_killed_at_any_step_is_taken_up_and_gives_one_version(self):
        for step in STEPS:
            with self.subTest(step=step):
                shutil.rmtree(self.project / ".tenure", ignore_errors=True)
                self.kill_during(step)
                summary = tenure_json("run", *FAST, cwd=self.project)
                self.assertEqual(summary["state"], "succeeded")
                models = tenure_json("models", "list", cwd=self.project)["models"]
                self.assertEqual([model["version"] for model in models], [1])
                self.assertEqual(models[0]["aliases"], ["champion"])

    def test_a_killed_run_is_taken_up_though_port_and_log_level_changed(self):
        self.kill_during(STEPS[-2])
        runs = tenure_json("pipelines", "runs", cwd=self.project)["runs"]
        self.assertEqual(len(runs), 1)
        tenure_json("run", *FAST, "--set", "log.level=warn", "--set", "serving.port=18999", cwd=self.project)
        again = tenure_json("pipelines", "runs", cwd=self.project)["runs"]
        self.assertEqual([(run["id"], run["state"]) for run in again], [(runs[0]["id"], "succeeded")])

    def test_a_killed_run_that_is_given_up_does_not_stay_running_in_mlflow(self):
        self.kill_during("evaluate")
        tenure("run", *FAST, "--fresh", cwd=self.project)
        with contextlib.closing(sqlite3.connect(self.project / ".tenure" / "tenure.db")) as database:
            ended = database.execute("SELECT status, end_time IS NULL FROM runs ORDER BY start_time").fetchall()
        self.assertEqual(ended, [("FAILED", 0), ("FINISHED", 0)])

    def test_two_runs_at_once_do_not_mix(self):
        settings = (*FAST, "--set", "model.rounds=1500")  # long enough for the second to meet the first
        first = subprocess.Popen([TENURE, "run", *settings], cwd=self.project, stderr=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL)

        def has_begun():
            self.assertIsNone(first.poll(), "the first run was over before the second began")
            return '"running"' in tenure("pipelines", "runs", "--json", cwd=self.project).stdout

        wait_until(has_begun, pause=0.002)
        second = tenure("run", *settings, cwd=self.project, check=False)
        self.assertEqual(second.returncode, EXIT_CONFLICT, second.stderr)
        self.assertIn(str(first.pid), second.stderr)
        self.assertEqual(first.wait(), 0)
        runs = tenure_json("pipelines", "runs", cwd=self.project)["runs"]
        self.assertEqual([run["state"] for run in runs], ["succeeded"])
        self.assertEqual(len(tenure_json("models", "list", cwd=self.project)["models"]), 1)

    def test_an_interrupted_run_is_cancelled_and_the_next_one_starts_anew(self):
        run = subprocess.Popen([TENURE, "run", "--set", "data.generate.rows=20000", "--set", "model.rounds=4000"],
                               cwd=self.project, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in run.stderr:
            if "features" in line:
                break
        run.send_signal(signal.SIGINT)
        rest = run.stderr.read()
        run.stderr.close()
        self.assertEqual(run.wait(), EXIT_CANCELLED, rest)
        cancelled = tenure_json("pipelines", "runs", cwd=self.project)["runs"]
        self.assertEqual([run["state"] for run in cancelled], ["cancelled"])
        self.assertEqual(tenure_json("run", *FAST, cwd=self.project)["state"], "succeeded")
        again = tenure_json("pipelines", "runs", cwd=self.project)["runs"]
        self.assertEqual([run["state"] for run in again], ["succeeded", "cancelled"])
        self.assertEqual(again[1]["id"], cancelled[0]["id"])


class TroubledDisks(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.project = make_telco_project(self.folder / "telco")

    def run_with_file_limit(self, limit):
        """A file-size limit stands in for a full disk: writes fail in the same places."""
        def confine():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return subprocess.run([TENURE, "run", *FAST], cwd=self.project, preexec_fn=confine, capture_output=True, text=True)

    def test_a_full_disk_is_told_and_the_next_run_works(self):
        for limit in (4_096, 100_000):
            with self.subTest(limit=limit):
                done = self.run_with_file_limit(limit)
                self.assertEqual(done.returncode, EXIT_EXHAUSTED, done.stderr)
        self.assertEqual(tenure_json("run", *FAST, cwd=self.project)["state"], "succeeded")

    def test_a_really_full_state_folder(self):
        state = self.project / ".tenure"
        state.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", state], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small file system cannot be mounted here")
        try:
            done = tenure("run", *FAST, cwd=self.project, check=False)
            self.assertIn(done.returncode, (EXIT_EXHAUSTED, EXIT_UNAVAILABLE), done.stderr)
        finally:
            subprocess.run(["umount", state], check=True)

    def test_a_read_only_state_folder(self):
        state = self.project / ".tenure"
        state.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", state], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a read-only file system cannot be mounted here")
        try:
            done = tenure("run", *FAST, cwd=self.project, check=False)
            self.assertEqual(done.returncode, 5, done.stderr)
            self.assertIn(".tenure", done.stderr)
        finally:
            subprocess.run(["umount", state], check=True)

    def test_a_file_stands_where_the_state_folder_should_be(self):
        (self.project / ".tenure").write_text("mine")
        done = tenure("run", *FAST, cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_CONFLICT, done.stderr)
        self.assertEqual((self.project / ".tenure").read_text(), "mine")

    def test_a_damaged_database_is_not_overwritten(self):
        (self.project / ".tenure").mkdir()
        database = self.project / ".tenure" / "tenure.db"
        database.write_bytes(b"this is no database, but somebody's file" * 200)
        done = tenure("run", *FAST, cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_CORRUPT, done.stderr)
        self.assertTrue(database.read_bytes().startswith(b"this is no database"))


class Serving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        cls.customer = tenure_json("data", "query", "SELECT customerID FROM data LIMIT 1", cwd=cls.project)["rows"][0][0]

    def copy(self):
        copy = self.enterContext(temporary_folder()) / "copy"
        shutil.copytree(self.project, copy)
        database = copy / ".tenure" / "tenure.db"
        return copy, database

    def package(self, project):
        return next((project / ".tenure" / "objects").rglob("MLmodel")).parent

    def test_a_port_in_use_is_told_with_what_to_do(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for option, key in (("--port", "serving.port"), ("--grpc-port", "serving.grpc_port")):
                ports = {"--port": 0, "--grpc-port": 0, option: port}
                done = tenure("up", *(word for pair in ports.items() for word in pair), cwd=self.project, check=False,
                              timeout=30)
                self.assertEqual(done.returncode, EXIT_UNAVAILABLE, done.stderr)
                self.assertIn(f"port {port} on 127.0.0.1 is in use", done.stderr)
                self.assertIn(key, done.stderr)

    def test_an_address_for_everyone_needs_a_word(self):
        done = tenure("up", "--host", "0.0.0.0", "--port", "0", cwd=self.project, check=False, timeout=30)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--insecure", done.stderr)

    def test_sigterm_under_load_loses_no_answer(self):
        server = Server(self.project)
        stop = threading.Event()

        def ask():
            answered = 0
            connection = server.connect()
            body = json.dumps({"customer_id": self.customer})
            while not stop.is_set():
                try:
                    connection.request("POST", "/predict", body)
                except OSError:  # the connection was closed between two requests, or not accepted any more
                    break
                answer = connection.getresponse()  # a request that was sent is answered, or refused cleanly
                payload = answer.read()
                if answer.status != 200 or b"probability" not in payload:
                    return answered, f"{answer.status} {payload!r}"
                answered += 1
                if answer.will_close:
                    break
            return answered, None

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            clients = [pool.submit(ask) for _ in range(8)]
            time.sleep(0.5)
            code, errors = server.stop()
            stop.set()
            self.assertEqual(code, 0, errors)
            lost = 0
            for client in clients:
                try:
                    answered, problem = client.result()
                    self.assertIsNone(problem)
                    self.assertGreater(answered, 0)
                except (ConnectionError, OSError, http.client.HTTPException):
                    lost += 1  # the request crossed the server's close on the wire: it was never read
            self.assertLess(lost, 8)

    def test_a_killed_server_starts_again_and_kept_its_flushed_predictions(self):
        project, _ = self.copy()

        def log():
            files = sorted((project / ".tenure" / "predictions").glob("predictions-*.log"))
            return {path.name: path.read_bytes() for path in files}

        server = Server(project)
        ids = [uuid.UUID(server.predict({"customer_id": self.customer})[1]["prediction_id"]).bytes for _ in range(50)]
        wait_until(lambda: all(id in b"".join(log().values()) for id in ids), pause=0.002)
        server.stop(signal.SIGKILL)
        before = log()
        with Server(project) as again:
            status, answer = again.predict({"customer_id": self.customer})
            self.assertEqual(status, 200, answer)
            later = uuid.UUID(answer["prediction_id"]).bytes
            wait_until(lambda: later in b"".join(log().values()), pause=0.002)
        after = log()
        for name, content in before.items():
            self.assertEqual(after[name], content, name)
        self.assertTrue(all(id in b"".join(after.values()) for id in ids))

    def test_a_damaged_champion_is_not_served_and_a_new_one_is_picked_up(self):
        project, _ = self.copy()
        model = self.package(project) / "model.ubj"
        good = model.read_bytes()
        model.write_bytes(good[:len(good) // 2])
        with Server(project) as server:
            self.assertEqual(server.request("GET", "/health")[0], 200)
            self.assertEqual(server.request("GET", "/ready")[0], 503)
            status, answer = server.predict({"customer_id": self.customer})
            self.assertEqual(status, 503, answer)
            model.write_bytes(good)
            tenure("models", "promote", "1", "--reason", "mended", cwd=project)
            wait_until(lambda: server.request("GET", "/ready")[0] == 200, pause=0.05)
        self.assertEqual(tenure("models", "promote", "1", cwd=project).returncode, 0)
        model.write_bytes(b"")
        self.assertEqual(tenure("models", "promote", "1", cwd=project, check=False).returncode, EXIT_CORRUPT)

    def test_promotion_swaps_the_model_without_dropping_a_request(self):
        project, _ = self.copy()
        tenure("run", "--fresh", *FAST, "--set", "model.rounds=60", cwd=project)
        versions = [model["version"] for model in tenure_json("models", "list", cwd=project)["models"]]
        self.assertEqual(sorted(versions), [1, 2])
        stop = threading.Event()
        with Server(project) as server:
            start = server.facts["version"]
            other = 3 - start

            def ask():
                seen = set()
                connection = server.connect()
                body = json.dumps({"customer_id": self.customer})
                while not stop.is_set():
                    connection.request("POST", "/predict", body)
                    answer = connection.getresponse()
                    payload = json.loads(answer.read())
                    assert answer.status == 200, payload
                    seen.add(payload["model"]["version"])
                connection.close()
                return seen

            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                clients = [pool.submit(ask) for _ in range(4)]
                try:
                    tenure("models", "promote", other, cwd=project)
                    wait_until(lambda: server.request("GET", "/model-info")[1]["version"] == other, pause=0.05)
                    tenure("models", "rollback", cwd=project)
                    wait_until(lambda: server.request("GET", "/model-info")[1]["version"] == start, pause=0.05)
                finally:
                    stop.set()
                for client in clients:
                    self.assertEqual(client.result(), {start, other})


if __name__ == "__main__":
    unittest.main()
