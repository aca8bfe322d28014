"""The ways to reach a server: HTTP/1.1, HTTP/2 and TLS with curl, compressed bodies, a certificate that is renewed."""
import gzip
import json
import shutil
import signal
import subprocess
import time
import unittest
import zlib

from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure, wait_until

ROW = {"customer_id": "nobody"}  # answered by the base rate


def certify(folder, name):
    """A self-signed certificate for localhost whose organisation is `name`; both files replaced by rename."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", folder / "new.key", "-out", folder / "new.pem", "-days", "1",
                    "-subj", f"/O={name}/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    (folder / "new.key").rename(folder / "server.key")
    (folder / "new.pem").rename(folder / "server.pem")


def curl(*arguments, data=None):
    """What curl prints; the last line is its version of HTTP and the status."""
    done = subprocess.run(["curl", "-s", "-S", "-w", "\n%{http_version} %{http_code}", *map(str, arguments)],
                          input=data, capture_output=True, timeout=60)
    body, _, facts = done.stdout.rpartition(b"\n")
    return body, facts.decode(), done.stderr.decode()


@unittest.skipUnless(shutil.which("curl") and shutil.which("openssl"), "needs curl and openssl")
class NetworkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)

    def predict(self, address, *arguments, data=None):
        return curl(*arguments, "-H", "Content-Type: application/json", "--data-binary", "@-", f"{address}/predict",
                    data=data or json.dumps(ROW).encode())

    def test_both_versions_of_http_answer_alike(self):
        with Server(self.project) as server:
            address = server.facts["address"]
            for path in ("/version", "/model-info", "/v2/models", "/openapi.json"):
                plain, facts, _ = curl(f"{address}{path}")
                self.assertEqual(facts, "1.1 200", path)
                second, facts, _ = curl("--http2-prior-knowledge", f"{address}{path}")
                self.assertEqual(facts, "2 200", path)
                self.assertEqual(plain, second, path)
            first, _, _ = self.predict(address)
            second, facts, _ = self.predict(address, "--http2-prior-knowledge")
            self.assertEqual(facts, "2 200")
            self.assertEqual(json.loads(first)["probability"], json.loads(second)["probability"])

    def test_requests_are_answered_while_load_balancers_learn_of_the_end(self):
        with Server(self.project, "--set", "serving.drain_delay=60s") as server:
            self.assertEqual(server.request("GET", "/ready")[0], 200)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: server.request("GET", "/ready")[0] == 503)
            self.assertEqual(server.predict(ROW)[0], 200)
            self.assertIsNone(server.process.poll())
            server.process.send_signal(signal.SIGTERM)  # a second one ends it at once
            server.process.communicate(timeout=30)

    def test_bodies_are_compressed_both_ways(self):
        with Server(self.project) as server:
            address = server.facts["address"]
            plain, _, _ = curl(f"{address}/openapi.json")
            unpacked, _, _ = curl("--compressed", f"{address}/openapi.json")
            self.assertEqual(plain, unpacked)
            packed, _, _ = curl("-H", "Accept-Encoding: gzip", f"{address}/openapi.json")
            self.assertEqual(gzip.decompress(packed), plain)
            self.assertLess(len(packed) * 3, len(plain))
            text, _, _ = curl("--compressed", f"{address}/metrics")
            self.assertIn(b"tenure_http_requests_total", text)
            expected, _, _ = self.predict(address)
            for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
                body, facts, _ = self.predict(address, "-H", f"Content-Encoding: {coding}",
                                              data=pack(json.dumps(ROW).encode()))
                self.assertEqual(facts, "1.1 200", body)
                self.assertEqual(json.loads(body)["probability"], json.loads(expected)["probability"])
            body, facts, _ = self.predict(address, "-H", "Content-Encoding: br")
            self.assertEqual(facts, "1.1 415", body)

    def test_tls_is_spoken_and_a_renewed_certificate_taken(self):
        certify(self.folder, "first")
        files = ("--set", f"serving.tls.certificate={self.folder / 'server.pem'}",
                 "--set", f"serving.tls.key={self.folder / 'server.key'}")
        with Server(self.project, *files) as server:
            address = server.facts["address"]
            self.assertTrue(address.startswith("https://"), address)
            trust = ("--cacert", self.folder / "server.pem")
            body, facts, error = self.predict(address, *trust)
            self.assertEqual(facts, "2 200", error)
            self.assertIn("probability", json.loads(body))
            body, facts, error = self.predict(address, *trust, "--http1.1")
            self.assertEqual(facts, "1.1 200", error)
            body, facts, _ = curl(address.replace("https://", "http://") + "/health")
            self.assertEqual(facts, "1.1 400")
            self.assertIn(b"https://", body)
            certify(self.folder, "second")
            deadline = time.monotonic() + 30
            while self.predict(address, *trust)[1] != "2 200":
                self.assertLess(time.monotonic(), deadline, "the renewed certificate is not served")

    def test_half_a_configuration_of_tls_is_refused(self):
        done = tenure("up", "--port", "0", "--set", "serving.tls.key=server.key", cwd=self.project, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("serving.tls.certificate", done.stderr)
        done = tenure("up", "--port", "0", "--set", "serving.tls.key=none.key", "--set",
                      "serving.tls.certificate=none.pem", cwd=self.project, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("none.pem", done.stderr)


if __name__ == "__main__":
    unittest.main()
