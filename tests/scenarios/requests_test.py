"""What a client says about its request: trace, deadline, key of a repeat; over HTTP, and what the log then holds."""
import concurrent.futures
import contextlib
import csv
import json
import re
import shutil
import time
import unittest
import uuid

from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure, wait_until

PARENT = "b7ad6b7169203331"


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        with open(cls.project / "data" / "customers.csv", newline="") as file:
            cls.customers = [row["customerID"] for _, row in zip(range(3), csv.DictReader(file))]

    def ask(self, server, headers, path="/predict", body=None):
        """(status, headers, body as bytes)"""
        connection = server.connect()
        try:
            connection.request("POST", path, json.dumps(body or {"customer_ids": self.customers}), headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def log(self):
        return b"".join(path.read_bytes() for path in sorted((self.project / ".tenure" / "predictions").glob("*.log")))

    def test_a_trace_goes_through_the_answer_into_the_events(self):
        trace = uuid.uuid4()
        with Server(self.project) as server:
            status, headers, body = self.ask(server, {"traceparent": f"00-{trace.hex}-{PARENT}-01", "tracestate": "a=b"})
            self.assertEqual(status, 200)
            prediction = json.loads(body)["predictions"][0]["prediction_id"]
            span = re.fullmatch(f"00-{trace.hex}-([0-9a-f]{{16}})-01", headers["traceparent"])[1]
            self.assertNotEqual(span, PARENT)
            self.assertEqual(headers["tracestate"], "a=b")
            field = b"\x01\x19" + trace.bytes + bytes.fromhex(span) + b"\x01"
            wait_until(lambda: self.log().count(field) == len(self.customers), seconds=30)
            status, headers, _ = self.ask(server, {"traceparent": "broken"})
            self.assertEqual(status, 200)
            self.assertRegex(headers["traceparent"], "^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")
            self.assertNotIn("traceparent", self.ask(server, {})[1])
        # A log with and without such fields is read back.
        self.assertIn(trace.hex, tenure("replay", prediction, cwd=self.project).stdout)

    def test_a_deadline_is_kept(self):
        with Server(self.project) as server:
            self.assertEqual(self.ask(server, {"X-Request-Timeout-Ms": "30000"})[0], 200)
            self.assertEqual(self.ask(server, {"X-Request-Timeout-Ms": "soon"})[0], 400)
            with contextlib.closing(server.connect()) as connection:
                body = json.dumps({"customer_ids": self.customers}).encode()
                connection.putrequest("POST", "/predict")
                connection.putheader("X-Request-Timeout-Ms", "50")
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders()
                time.sleep(0.2)  # the client itself is late
                connection.send(body)
                answer = connection.getresponse()
                self.assertEqual((answer.status, b"time had run out" in answer.read()), (504, True))

    def test_a_repeated_request_gets_the_first_answer_and_is_one_event(self):
        key = {"Idempotency-Key": f'"{uuid.uuid4()}"'}
        with Server(self.project) as server:
            status, headers, first = self.ask(server, key)
            self.assertEqual((status, headers["Idempotent-Replayed"]), (200, None))
            status, headers, again = self.ask(server, key)
            self.assertEqual((status, headers["Idempotent-Replayed"], again), (200, "true", first))
            self.assertEqual(self.ask(server, key, body={"customer_id": "another"})[0], 422)
            self.assertEqual(self.ask(server, key, "/predict/batch")[0], 422)
            self.assertNotEqual(self.ask(server, {})[2], first)
        with Server(self.project) as server:
            self.assertEqual(self.ask(server, key)[2], first)
        ids = [uuid.UUID(one["prediction_id"]).bytes for one in json.loads(first)["predictions"]]
        log = self.log()
        self.assertEqual([log.count(one) for one in ids], [1, 1, 1])

    def test_a_store_of_answers_that_cannot_be_read_stops_only_those_who_need_it(self):
        folder = self.project / ".tenure" / "idempotency"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "data.mdb").write_bytes(b"no store" * 10_000)
        try:
            with Server(self.project) as server:
                status, headers, body = self.ask(server, {"Idempotency-Key": "k"})
                self.assertEqual((status, headers["Retry-After"]), (503, "1"))
                self.assertIn(b"idempotency", body)
                self.assertEqual(self.ask(server, {})[0], 200)
        finally:
            shutil.rmtree(folder)

    def test_many_at_once_with_one_key_are_done_once(self):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        with Server(self.project) as server:
            def ask(_):
                while True:
                    status, headers, body = self.ask(server, key)
                    if status != 409:
                        return status, body
                    self.assertEqual(headers["Retry-After"], "1")

            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                answers = set(pool.map(ask, range(64)))
        self.assertEqual(len(answers), 1)
        self.assertEqual(answers.pop()[0], 200)


if __name__ == "__main__":
    unittest.main()
