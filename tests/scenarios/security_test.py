"""Tokens, roles, rates and refusals of a running server, asked by curl and requests."""
import http.client
import http.server
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import unittest

import requests
from tenure_process import (EXIT_CONFLICT, EXIT_INVALID, EXIT_NOT_FOUND, FAST, Server, TrackingServer,
                            make_telco_project, temporary_folder, tenure, tenure_json)

AUTH = ("--set", "auth.enabled=true", "--set", "auth.poll_interval=20ms")
SECRET = re.compile(r"tnr_[0-9a-f]{8}_[0-9a-f]{32}")

# Signed once with a key that was thrown away: issuer https://id.example, audience tenure, subject alice, role viewer.
JWKS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "VMJQ-rub7LRrg-Yqd83gaSZZPnCcFZGR6I2XGpV3sZc"}]}
JWT = ("eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0."
       "eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJ0ZW51cmUiLCJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwicm9sZSI6InZpZXdlciJ9."
       "DDb5uvKWNHdhNPIIGCKDxlkZQAVMcZ-8ttZTEFcVp_O7FalVa5sMP0H18Jm_sp0_f8vNX5mj7B_9D86IBfvyDw")


OTHER_KEY = {"kty": "OKP", "crv": "Ed25519", "kid": "k2", "x": "JChrdx6QSt9HHQNriZX8BtSshvkcgAQJByEnru0hWpk"}


class Issuer:
    """Publishes what `answer` is: (status, body)."""

    def __init__(self):
        issuer = self
        self.answer, self.requests = (503, b""), 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests += 1
                status, body = issuer.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def curl(*arguments):
    """Returns (status, headers in lower case, body)."""
    with tempfile.TemporaryDirectory() as folder:
        head, body = pathlib.Path(folder, "head"), pathlib.Path(folder, "body")
        done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", "--dump-header", head, "--output",
                               body, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        status, *lines = head.read_text().strip().splitlines()
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines if ":" in line)}
        return int(status.split()[1]), headers, body.read_text() if body.exists() else ""


def eventually(ask, wanted):
    """Asks until the answer is the wanted one; the test's own time-out ends it otherwise."""
    deadline = time.monotonic() + 30
    while (seen := ask()) != wanted:
        if time.monotonic() > deadline:
            raise AssertionError(f"still {seen}, not {wanted}")
        time.sleep(0.005)


class Security(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        cls.body = json.dumps({"customer_id": "nobody"})

    def token(self, name, *options):
        """A new token whose name no other test uses."""
        return tenure_json("admin", "tokens", "create", name, *options, cwd=self.project)["token"]

    def post(self, server, *headers):
        arguments = [argument for header in headers for argument in ("-H", header)]
        return curl("-d", self.body, "-H", "Content-Type: application/json", *arguments,
                    f"{server.facts['address']}/predict")

    def test_a_token_is_shown_once_listed_and_revoked(self):
        made = tenure_json("admin", "tokens", "create", "list-me", "--role", "operator", "--models", "telco-churn, other",
                           "--expires", "90d", "--rate", "7", cwd=self.project)
        self.assertRegex(made["token"], SECRET)
        self.assertEqual((made["role"], made["models"], made["rate"]), ("operator", ["telco-churn", "other"], 7))
        text = tenure("admin", "tokens", "create", "for-people", cwd=self.project).stdout
        self.assertRegex(text, SECRET)
        self.assertIn("auth.enabled: true", text)
        listed = tenure("admin", "tokens", "list", "--json", cwd=self.project).stdout
        self.assertNotRegex(listed, SECRET)
        row, = [one for one in json.loads(listed)["tokens"] if one["name"] == "list-me"]
        self.assertEqual((row["state"], row["last_used"]), ("active", None))
        self.assertIn("list-me", tenure("admin", "tokens", "list", cwd=self.project).stdout)
        for wrong, code in ((("create", "list-me"), EXIT_CONFLICT), (("create", "../x"), EXIT_INVALID),
                            (("create", "x", "--role", "king"), EXIT_INVALID),
                            (("create", "x", "--expires", "soon"), EXIT_INVALID),
                            (("create", "x", "--expires", "0s"), EXIT_INVALID),
                            (("create", "x", "--rate", "-1"), EXIT_INVALID),
                            (("create", "x", "--models", "a,,b"), EXIT_INVALID),
                            (("revoke", "nobody"), EXIT_NOT_FOUND)):
            done = tenure("admin", "tokens", *wrong, cwd=self.project, check=False)
            self.assertEqual(done.returncode, code, (wrong, done.stderr))
        revoked = tenure_json("admin", "tokens", "revoke", row["id"], cwd=self.project)
        self.assertEqual((revoked["name"], revoked["state"]), ("list-me", "revoked"))
        stored = b"".join(path.read_bytes() for path in (self.project / ".tenure").glob("tenure.db*"))
        self.assertNotIn(made["token"].rsplit("_", 1)[1].encode(), stored, "only the digest is kept")

    def test_the_server_asks_for_a_token_and_its_role(self):
        viewer, operator = self.token("viewer"), self.token("operator", "--role", "operator")
        scoped = self.token("scoped", "--models", "another-model")
        with Server(self.project, *AUTH, "--set", "log.level=debug") as server:
            address = server.facts["address"]
            status, headers, body = self.post(server)
            self.assertEqual((status, headers["www-authenticate"]), (401, 'Bearer realm="tenure"'))
            self.assertEqual(headers["content-type"], "application/problem+json")
            problem = json.loads(body)
            self.assertEqual((problem["title"], problem["detail"], problem["instance"], problem["request_id"]),
                             ("Unauthorized", "Not authenticated", "/predict", headers["x-request-id"]))
            status, headers, _ = self.post(server, "Authorization: Bearer tnr_00000000_" + "0" * 32)
            self.assertEqual((status, headers["www-authenticate"]), (401, 'Bearer realm="tenure", error="invalid_token"'))
            for header in (f"Authorization: Bearer {viewer}", f"X-API-Key: {viewer}"):
                self.assertEqual(self.post(server, header)[0], 200)
            as_mlflow_does = requests.post(f"{address}/invocations", json={"inputs": [{}]}, auth=("any", viewer), timeout=30)
            self.assertEqual(as_mlflow_does.status_code, 400, as_mlflow_does.text)  # past the door, a wrong body
            refused = requests.post(f"{address}/invocations", json={}, auth=("any", "wrong"), timeout=30)
            self.assertEqual((refused.status_code, refused.json()["error_code"]), (401, "UNAUTHENTICATED"))
            load = f"{address}/v2/repository/models/telco-churn/load"
            low = requests.post(load, headers={"Authorization": f"Bearer {viewer}"}, timeout=30)
            self.assertEqual(low.status_code, 403)
            self.assertEqual(low.headers["WWW-Authenticate"], 'Bearer realm="tenure", error="insufficient_scope"')
            self.assertIn("role operator", low.json()["error"])
            self.assertEqual(requests.post(load, headers={"Authorization": f"Bearer {operator}"}, timeout=30).status_code, 200)
            self.assertEqual(self.post(server, f"X-API-Key: {scoped}")[0], 403)
            for path in ("/health", "/ready", "/v2/health/live", "/docs", "/", "/ping"):
                self.assertEqual(requests.get(address + path, timeout=30).status_code, 200, path)
            self.assertEqual(requests.get(address + "/metrics", timeout=30).status_code, 401)
            metrics = requests.get(address + "/metrics", headers={"X-API-Key": viewer}, timeout=30).text
            self.assertIn('tenure_auth_checks_total{outcome="invalid_token"}', metrics)
            document = requests.get(address + "/openapi.json", timeout=30).json()
            self.assertIn("bearer", document["components"]["securitySchemes"])
            code, errors = server.stop()
            self.assertEqual(code, 0, errors)
            self.assertNotRegex(errors, SECRET, "no log holds a secret")
        used = {one["name"]: one["last_used"] for one in tenure_json("admin", "tokens", "list", cwd=self.project)["tokens"]}
        self.assertIsNotNone(used["viewer"])

    def test_tokens_come_and_go_while_the_server_runs(self):
        first = self.token("first")
        with Server(self.project, *AUTH) as server:
            # One connection, so that the same thread has seen the token while it was good.
            session = requests.Session()

            def ask(secret):
                return session.post(f"{server.facts['address']}/predict", data=self.body, timeout=30,
                                    headers={"Authorization": f"Bearer {secret}"}).status_code
            self.assertEqual(ask(first), 200)
            second = self.token("second")
            eventually(lambda: ask(second), 200)
            tenure("admin", "tokens", "revoke", "first", cwd=self.project)
            eventually(lambda: ask(first), 401)
            self.assertEqual(ask(second), 200)
            short = self.token("short", "--expires", "1ms")
            self.assertEqual(ask(short), 401)

    def test_a_rate_is_kept_per_token(self):
        quick, slow = self.token("quick"), self.token("slow", "--rate", "2")
        with Server(self.project, *AUTH, "--set", "serving.rate_limit.requests=1000", "--set",
                    "serving.rate_limit.window=1d", "--set", "serving.rate_limit.anonymous=3") as server:
            status, headers, _ = self.post(server, f"X-API-Key: {slow}")
            self.assertEqual((status, headers["ratelimit-policy"]), (200, '"token";q=2;w=86400'))
            self.assertEqual((headers["ratelimit"], headers["ratelimit-remaining"]), ('"token";r=1;t=43200', "1"))
            self.assertEqual(self.post(server, f"X-API-Key: {slow}")[0], 200)
            status, headers, body = self.post(server, f"X-API-Key: {slow}")
            self.assertEqual((status, json.loads(body)["title"]), (429, "Too Many Requests"))
            self.assertAlmostEqual(int(headers["retry-after"]), 43200, delta=60)
            self.assertEqual(self.post(server, f"X-API-Key: {quick}")[0], 200)
            self.assertEqual([self.post(server)[0] for _ in range(4)], [401, 401, 401, 429])
            self.assertEqual(requests.get(server.facts["address"] + "/ready", timeout=30).status_code, 200)

    def test_jwts_of_another_program_are_accepted_until_their_key_goes(self):
        keys = self.folder / "jwks.json"
        keys.write_text(json.dumps(JWKS))
        settings = ("--set", f"auth.jwt.jwks_file={keys}", "--set", "auth.jwt.issuer=https://id.example")
        done = tenure("up", "--port", "0", *AUTH, *settings, cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_INVALID)
        self.assertIn("audience", done.stderr)
        with Server(self.project, *AUTH, *settings, "--set", "auth.jwt.audience=tenure") as server:
            def ask(path="/predict"):
                return requests.post(server.facts["address"] + path, data=self.body, timeout=30,
                                     headers={"Authorization": f"Bearer {JWT}"})
            self.assertEqual(ask().status_code, 200)
            refused = ask("/v2/repository/models/telco-churn/load")
            self.assertEqual(refused.status_code, 403)
            self.assertIn("jwt:alice", refused.json()["detail"])
            damaged = requests.post(server.facts["address"] + "/predict", data=self.body, timeout=30,
                                    headers={"Authorization": f"Bearer {JWT[:-8]}AAAAAAAA"})
            self.assertEqual(damaged.status_code, 401)
            other = dict(JWKS["keys"][0], kid="k2")
            keys.with_suffix(".new").write_text(json.dumps({"keys": [other]}))
            keys.with_suffix(".new").rename(keys)
            eventually(lambda: ask().status_code, 401)

    def test_keys_are_fetched_from_their_issuer_and_stay_while_it_is_away(self):
        with Issuer() as issuer:
            settings = (*AUTH, "--set", f"auth.jwt.jwks_url={issuer.url}", "--set", "auth.jwt.renew=1s", "--set",
                        "auth.jwt.issuer=https://id.example", "--set", "auth.jwt.audience=tenure")
            # What is wrong there is a mistake; who is merely away may come back.
            for answer, words in (((404, b""), "it answered 404"), ((200, b"{}"), "keys")):
                issuer.answer = answer
                refused = tenure("up", "--port", "0", *settings, cwd=self.project, check=False)
                self.assertEqual(refused.returncode, EXIT_INVALID)
                self.assertIn("auth.jwt.jwks_url", refused.stderr)
                self.assertIn(words, refused.stderr)
            issuer.answer = (503, b"")
            with Server(self.project, *settings) as server:
                ask = lambda: self.post(server, f"Authorization: Bearer {JWT}")[0]
                self.assertEqual(ask(), 401)
                issuer.answer = (200, json.dumps(JWKS).encode())
                eventually(ask, 200)
                issuer.answer = (503, b"")
                seen = issuer.requests
                eventually(lambda: issuer.requests > seen + 1, True)
                self.assertEqual(ask(), 200, "the keys known last stay")
                issuer.answer = (200, b'{"keys":[' + json.dumps(OTHER_KEY).encode() + b"]}")
                eventually(ask, 401)
        file = self.folder / "also.json"
        file.write_text(json.dumps(JWKS))
        both = tenure("up", "--port", "0", *settings, "--set", f"auth.jwt.jwks_file={file}", cwd=self.project,
                      check=False)
        self.assertEqual(both.returncode, EXIT_INVALID)
        self.assertIn("auth.jwt.jwks_url", both.stderr)

    def test_rates_go_by_the_address_that_a_trusted_proxy_tells(self):
        limit = ("--set", "serving.rate_limit.anonymous=2", "--set", "serving.rate_limit.window=1h")
        with Server(self.project, *limit, "--set", "serving.trusted_proxies=127.0.0.0/8") as server:
            ask = lambda client: self.post(server, f"X-Forwarded-For: 6.6.6.6, {client}")[0]
            self.assertEqual([ask("203.0.113.1") for _ in range(3)], [200, 200, 429])
            self.assertEqual(ask("203.0.113.2"), 200)
            self.assertEqual(ask("203.0.113.1, 127.0.0.9"), 429, "another proxy between")
        with Server(self.project, *limit) as server:
            self.assertEqual([ask(f"203.0.113.{n}") for n in range(3)], [200, 200, 429], "nobody is believed")
        refused = tenure("up", "--port", "0", "--set", "serving.trusted_proxies=ten", cwd=self.project, check=False)
        self.assertEqual(refused.returncode, EXIT_INVALID)
        self.assertIn("serving.trusted_proxies", refused.stderr)

    def test_an_address_that_others_reach_needs_a_token_first(self):
        with temporary_folder() as folder:
            project = make_telco_project(folder / "bare")

            def refusal(*arguments, **variables):
                done = tenure("up", "--host", "0.0.0.0", "--port", "0", *arguments, cwd=project, check=False, **variables)
                self.assertEqual(done.returncode, EXIT_INVALID, done.stderr)
                return done.stderr
            self.assertIn("no token is asked for", refusal())
            self.assertIn("tokens create", refusal("--set", "auth.enabled=true"))
            short = refusal("--set", "auth.enabled=true", TENURE_AUTH__BOOTSTRAP_TOKEN="hunter2-hunter2")
            self.assertIn("at least 32", short)
            self.assertNotIn("hunter2", short)
            self.assertIn("bootstrap_token_file", refusal("--set", "auth.enabled=true", "--set",
                                                          "auth.bootstrap_token_file=missing"))
            secret = "0123456789abcdef0123456789abcdef"
            (folder / "secret").write_text(secret + "\n")
            with Server(project, *AUTH, "--host", "0.0.0.0", "--set",
                        f"auth.bootstrap_token_file={folder / 'secret'}") as server:
                for given, status in ((secret, 503), ("0" * 32, 401)):
                    seen = requests.post(f"http://127.0.0.1:{server.port}/predict", data=self.body, timeout=30,
                                         headers={"X-API-Key": given})
                    self.assertEqual(seen.status_code, status)
            tenure("admin", "tokens", "create", "first", "--role", "admin", cwd=project)
            with Server(project, *AUTH, "--host", "0.0.0.0"):
                pass

    def test_no_name_leads_out_of_its_place(self):
        viewer = self.token("traveller", "--role", "admin")
        with Server(self.project, *AUTH) as server:
            for path in ("/docs/../../../etc/passwd", "/docs/%2e%2e/%2e%2e/etc/passwd", "/v2/models/..%2F..%2Fetc%2Fpasswd",
                         "/v2/models/%2e%2e/config", "/v2/models/telco-churn/versions/..%2f..%2f1", "//etc/passwd",
                         "/v2/models/telco-churn%00/config", "/v1/models/..%5C..%5Cetc"):
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
                connection.request("GET", path, headers={"X-API-Key": viewer})
                answer = connection.getresponse()
                text = answer.read().decode()
                connection.close()
                self.assertIn(answer.status, (400, 404), path)
                self.assertNotIn("root:", text)

    def test_every_error_of_the_server_is_a_problem(self):
        with Server(self.project, "--set", "serving.body_max=1KiB") as server:
            address = server.facts["address"]
            for method, path, body, status in (("GET", "/nowhere?key=secret", None, 404), ("DELETE", "/predict", None, 405),
                                               ("POST", "/predict", "x" * 2000, 413)):
                answer = requests.request(method, address + path, data=body, headers={"X-Request-Id": "mine"}, timeout=30)
                self.assertEqual((answer.status_code, answer.headers["Content-Type"]), (status, "application/problem+json"))
                problem = answer.json()
                self.assertEqual((problem["type"], problem["status"], problem["instance"], problem["request_id"]),
                                 ("about:blank", status, path.split("?")[0], "mine"))
                self.assertNotIn("secret", answer.text)
            unknown = requests.get(address + "/v2/models/nobody", timeout=30)
            self.assertEqual((unknown.status_code, unknown.headers["Content-Type"]), (404, "application/json"))
            self.assertEqual(unknown.json()["error"], unknown.json()["detail"])
            invalid = requests.post(address + "/predict", json={"features": {"tenure": "x"}}, timeout=30)
            self.assertEqual((invalid.status_code, set(invalid.json())), (422, {"detail"}))
            self.assertIsInstance(invalid.json()["detail"], list)

    def test_pages_of_chosen_origins_may_call(self):
        with Server(self.project, "--set", "serving.cors.origins=https://shop.example") as server:
            address = server.facts["address"] + "/predict"
            status, headers, _ = curl("-X", "OPTIONS", "-H", "Origin: https://shop.example", "-H",
                                      "Access-Control-Request-Method: POST", address)
            self.assertEqual((status, headers["access-control-allow-methods"]), (204, "POST"))
            for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
                _, headers, _ = curl("-d", self.body, "-H", f"Origin: {origin}", address)
                self.assertEqual(headers.get("access-control-allow-origin"), allowed)


class HostNames(unittest.TestCase):
    EXPERIMENT = "/api/2.0/mlflow/experiments/get?experiment_id=0"

    def setUp(self):
        self.folder = self.enterContext(temporary_folder())

    @staticmethod
    def ask(server, host, path=EXPERIMENT):
        status, _, body = curl("-H", f"Host: {host}", f"http://127.0.0.1:{server.port}{path}")
        return status, body

    def test_a_page_whose_name_points_here_is_refused(self):
        with TrackingServer(self.folder) as server:
            for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example"):
                status, body = self.ask(server, host)
                self.assertEqual((status, json.loads(body)["error_code"]), (403, "PERMISSION_DENIED"))
                self.assertIn("serving.allowed_hosts", json.loads(body)["message"])
                self.assertEqual(self.ask(server, host, "/health")[0], 200)
            for host in ("localhost:1", "[::1]", "10.0.0.7:8000", "tenure", "tenure.ml.svc.cluster.local"):
                self.assertEqual(self.ask(server, host)[0], 200, host)

    def test_the_name_that_a_proxy_shows_can_be_allowed(self):
        with TrackingServer(self.folder, "--set", "serving.allowed_hosts=ml.example") as server:
            self.assertEqual(self.ask(server, "ml.example")[0], 200)
            self.assertEqual(self.ask(server, "evil.example")[0], 403)

    def test_with_tokens_every_name_will_do(self):
        with TrackingServer(self.folder, *AUTH) as server:
            self.assertEqual(self.ask(server, "ml.example")[0], 401)


if __name__ == "__main__":
    unittest.main()
