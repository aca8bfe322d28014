"""A real server among rude clients, under load while models come, go and break: no 5xx, no mixed answers, no crash."""
import concurrent.futures
import contextlib
import csv
import http.client
import json
import pathlib
import signal
import socket
import sqlite3
import threading
import unittest
import urllib.parse
import uuid

from tenure_process import (EXIT_CORRUPT, EXIT_NOT_FOUND, FAST, Server, make_telco_project, temporary_folder, tenure, tenure_json,
                            wait_until)


class Raw:
    """A client that says exactly what it is told to."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """(status, headers, body) of the next answer; None when the server has closed."""
        first = self.file.readline()
        if not first:
            return None
        headers = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.partition(b":")
            headers[name.decode().lower()] = value.strip().decode()
        return int(first.split()[1]), headers, self.file.read(int(headers.get("content-length", 0)))


def post(path, body, *headers):
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Serving(unittest.TestCase):
    """Two versions of one model; tests that change the project say so."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        tenure("run", "--fresh", *FAST, "--set", "model.rounds=60", cwd=cls.project)
        tenure("models", "promote", "1", cwd=cls.project)
        with open(cls.project / "data" / "customers.csv", newline="") as file:
            cls.customers = [row["customerID"] for _, row in zip(range(50), csv.DictReader(file))]
        cls.batch = json.dumps({"customer_ids": cls.customers}).encode()
        cls.one = json.dumps({"customer_id": cls.customers[0]}).encode()
        cls.scores = {}
        for version in (1, 2):
            tenure("models", "promote", str(version), cwd=cls.project)
            with Server(cls.project) as server:
                status, answer = server.predict(cls.batch)
                assert status == 200, answer
                cls.scores[version] = [one["probability"] for one in answer["predictions"]]
        assert cls.scores[1] != cls.scores[2]
        tenure("models", "promote", "1", cwd=cls.project)

    def is_well(self, server):
        status, answer = server.predict(self.one)
        return status == 200 and answer["probability"] == self.scores[answer["model"]["version"]][0]

    def package(self, version):
        shown = tenure_json("models", "show", str(version), cwd=self.project)
        return pathlib.Path(urllib.parse.unquote(shown["package"].removeprefix("file://")))

    def load(self, server, stop, clients=4):
        """A closed loop of clients asking for a batch; futures of (answers, versions seen)."""
        def ask():
            versions, answers = set(), 0
            connection = server.connect()
            while not stop.is_set():
                connection.request("POST", "/predict", self.batch)
                answer = connection.getresponse()
                payload = json.loads(answer.read())
                assert answer.status == 200, payload
                version = payload["model"]["version"] if "model" in payload else payload["predictions"][0]["model"]["version"]
                scores = [one["probability"] for one in payload["predictions"]]
                assert scores == self.scores[version], f"an answer of version {version} with other scores"
                versions.add(version)
                answers += 1
            connection.close()
            return answers, versions

        pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.addCleanup(pool.shutdown)
        return [pool.submit(ask) for _ in range(clients)]

    # --- rude clients --------------------------------------------------------------------------

    def test_a_byte_broken_anywhere_is_a_fair_answer_on_a_connection_that_goes_on(self):
        body = json.dumps({"features": {"gender": "Male", "tenure": 3, "MonthlyCharges": 1e2}, "customer_id": None}).encode()
        with Server(self.project) as server, Raw(server) as client:
            for at in range(len(body)):
                for broken in (body[:at], body[:at] + b'"' + body[at + 1:], body[:at] + b"\xff" + body[at + 1:],
                               body[:at] + body[at + 1:]):
                    client.send(post("/predict", broken))
                    status, headers, answer = client.answer()
                    self.assertIn(status, (200, 400, 422), broken)
                    self.assertIn("detail" if status != 200 else "probability", json.loads(answer))
            client.send(post("/predict", self.one))
            self.assertEqual(client.answer()[0], 200)

    def test_extreme_requests_are_answered(self):
        features = {"gender": "Male"}
        with Server(self.project) as server:
            for body, expected in (
                    (b"[" * 200_000, 422), (b'{"a":' * 50_000, 422), (b"", 422), (b"null", 422),
                    (b'{"customer_id":"nobody"}', 200),
                    (json.dumps({"customer_id": self.customers[0], "features": {"MonthlyCharges": 1e308}}).encode(), 200),
                    (b'{"customer_id":"x","features":{"MonthlyCharges":1e309}}', 422),
                    (b'{"customer_id":"x","features":{"MonthlyCharges":NaN}}', 422),
                    (json.dumps({"features": features}).encode(), 422),
                    (json.dumps({"customer_id": "x", "features": {"Unknown": 1}}).encode(), 422),
                    (json.dumps({"customer_ids": self.customers[:1] * 10_001}).encode(), 413),
                    (json.dumps({"customer_ids": self.customers[:1] * 10_000}).encode(), 200)):
                status, answer = server.predict(body)
                self.assertEqual(status, expected, (body[:80], str(answer)[:300]))
            self.assertTrue(self.is_well(server))

    def test_a_client_that_has_said_all_still_gets_its_answers(self):
        with Server(self.project) as server, Raw(server) as client:
            client.send(post("/predict", self.one) + post("/predict/batch", self.batch) + post("/predict", self.one))
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual([client.answer()[0] for _ in range(3)], [200, 200, 200])
            self.assertIsNone(client.answer())

    def test_clients_that_dribble_are_sent_away_and_hold_nobody_up(self):
        with Server(self.project, "--set", "serving.header_timeout=1s", "--set", "serving.body_timeout=1s") as server, \
                contextlib.ExitStack() as stack:
            slow = [stack.enter_context(Raw(server)) for _ in range(200)]
            for number, client in enumerate(slow):
                whole = post("/predict", self.one)
                client.send(whole[:20 if number % 2 == 0 else len(whole) - 3])
            self.assertTrue(self.is_well(server))
            for client in slow:
                self.assertEqual(client.answer()[0], 408)
                self.assertIsNone(client.answer())
            self.assertTrue(self.is_well(server))

    def test_a_request_hidden_in_another_is_never_run(self):
        hidden = post("/predict", self.one)
        forms = (
            ("Content-Length: 6", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked", "Content-Length: 6"),
            ("Transfer-Encoding: xchunked",), ("Transfer-Encoding : chunked",), ("Transfer-Encoding: chunked, identity",),
            ("Transfer-Encoding: identity",), ("Transfer-Encoding:\x0bchunked",), ("X: a\nTransfer-Encoding: chunked",),
            ("Content-Length: 0", "Content-Length: 5"), ("Content-Length: 0,5",), ("Content-Length: +0",),
            ("Content-Length: 0x0",), ("Content-Length: 00000000000000000000000000000000000a0",),
            ("Transfer-Encoding: chunked", "Transfer-encoding: cow"), ("Transfer-Encoding: chunked\r\n x",))
        with Server(self.project) as server:
            def predicted():
                levels = server.request("GET", "/fallback-stats")[1]
                return json.dumps(levels["levels"])

            before = predicted()
            for form in forms:
                with self.subTest(form), Raw(server) as client:
                    lines = ("POST /health HTTP/1.1", "Host: x", *form)
                    client.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n0\r\n\r\n" + hidden)
                    status, headers, _ = client.answer()
                    self.assertIn(status, (400, 501))
                    self.assertEqual(headers["connection"], "close")
                    self.assertIsNone(client.answer())
            self.assertEqual(predicted(), before)
            self.assertTrue(self.is_well(server))

    def test_answers_given_under_a_key_are_the_same_after_a_kill(self):
        given, lock = {}, threading.Lock()
        server = Server(self.project)

        def ask():
            connection = server.connect()
            while True:
                key = uuid.uuid4().hex
                try:
                    connection.request("POST", "/predict", self.one, {"Idempotency-Key": key})
                    answer = connection.getresponse()
                    body = answer.read()
                except (OSError, http.client.HTTPException):
                    return
                self.assertEqual(answer.status, 200, body)
                with lock:
                    given[key] = body

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(ask) for _ in range(4)]
            wait_until(lambda: len(given) >= 200)
            server.stop(signal.SIGKILL)
            for client in clients:
                client.result()
        with Server(self.project) as again:
            connection = again.connect()
            for key, body in given.items():
                connection.request("POST", "/predict", self.one, {"Idempotency-Key": key})
                answer = connection.getresponse()
                self.assertEqual((answer.read(), answer.headers["Idempotent-Replayed"]), (body, "true"))
            connection.close()

    # --- models come, go and break -------------------------------------------------------------

    def test_a_swap_a_second_under_load_drops_and_mixes_nothing(self):
        stop = threading.Event()
        with Server(self.project, "--set", "serving.poll_interval=50ms") as server:
            clients = self.load(server, stop)
            try:
                for swap in range(6):
                    version = 2 - swap % 2
                    tenure("models", "promote", str(version), cwd=self.project)
                    wait_until(lambda: server.request("GET", "/model-info")[1]["version"] == version)
            finally:
                stop.set()
            for client in clients:
                answers, versions = client.result()
                self.assertEqual(versions, {1, 2})
                self.assertGreater(answers, 6)
            self.assertEqual(server.stop()[0], 0)
        tenure("models", "promote", "1", cwd=self.project)

    def point_alias_to(self, version):
        """As another program would that does not look at the package first."""
        with contextlib.closing(sqlite3.connect(self.project / ".tenure" / "tenure.db")) as database, database:
            database.execute("UPDATE registered_model_aliases SET version = ? WHERE alias = 'champion'", (version,))

    def test_a_broken_next_model_leaves_the_live_one_alone(self):
        folder = self.package(2)
        files = {name: (folder / name).read_bytes() for name in ("model.ubj", "transform.json")}

        def failures(server):
            text = server.request("GET", "/metrics")[1]
            return sum(float(line.split()[1]) for line in text.splitlines()
                       if line.startswith("tenure_model_load_failures_total"))

        def break_model(how):
            good = files["model.ubj"]
            if how == "truncated":
                (folder / "model.ubj").write_bytes(good[:len(good) * 2 // 3])
            elif how == "empty":
                (folder / "model.ubj").write_bytes(b"")
            elif how == "wrong bytes":
                (folder / "model.ubj").write_bytes(b"\x00" * len(good))
            elif how == "one bit":
                (folder / "model.ubj").write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
            elif how == "of another model":
                (folder / "model.ubj").write_bytes((self.package(1) / "model.ubj").read_bytes())
            elif how == "gone":
                (folder / "model.ubj").unlink()
            else:
                (folder / "transform.json").write_text("{}")

        for how in ("truncated", "empty", "wrong bytes", "one bit", "of another model", "gone", "wrong transform"):
            with self.subTest(how):
                stop = threading.Event()
                try:
                    with Server(self.project, "--set", "serving.poll_interval=50ms") as server:
                        clients = self.load(server, stop, clients=2)
                        break_model(how)
                        refused = tenure("models", "promote", "2", cwd=self.project, check=False)
                        self.assertIn(refused.returncode, (EXIT_CORRUPT, EXIT_NOT_FOUND), "promoting looks at the package")
                        self.point_alias_to(2)
                        wait_until(lambda: failures(server) > 0)
                        self.assertTrue(self.is_well(server))
                        stop.set()
                        for client in clients:
                            answers, versions = client.result()
                            self.assertEqual(versions, {1})
                            self.assertGreater(answers, 0)
                        self.assertEqual(server.request("GET", "/ready")[0], 200)
                        for name, content in files.items():
                            (folder / name).write_bytes(content)
                        tenure("models", "promote", "2", cwd=self.project)
                        wait_until(lambda: server.request("GET", "/model-info")[1]["version"] == 2)
                finally:
                    stop.set()
                    for name, content in files.items():
                        (folder / name).write_bytes(content)
                    tenure("models", "promote", "1", cwd=self.project)

    def test_the_live_models_file_may_be_overwritten_while_it_serves(self):
        path = self.package(1) / "model.ubj"
        good = path.read_bytes()
        stop = threading.Event()
        try:
            with Server(self.project) as server:
                clients = self.load(server, stop, clients=2)
                for content in (good[:100], b"", b"\xff" * len(good)):
                    path.write_bytes(content)
                    for _ in range(20):
                        self.assertTrue(self.is_well(server))
                stop.set()
                for client in clients:
                    self.assertEqual(client.result()[1], {1})
        finally:
            stop.set()
            path.write_bytes(good)


if __name__ == "__main__":
    unittest.main()
