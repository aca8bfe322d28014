"""The unmodified client of Triton asks a server that wants a token, over HTTP and gRPC."""
import json
import unittest

from client_environment import client_python, run_client
from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure, tenure_json

CLIENTS = ("tritonclient[grpc,http]==2.60.0", "kserve==0.16.0")

ASK = """
import importlib, json, sys
from tritonclient.utils import InferenceServerException
address, token, protocol = sys.argv[1:4]
client = importlib.import_module("tritonclient." + protocol).InferenceServerClient(address)
headers = {"authorization": "Bearer " + token} if token else {}

def ask(call):
    try:
        call()
        return "ok"
    except InferenceServerException as error:
        return error.status() + ": " + error.message()

print(json.dumps({
    "live": client.is_server_live(),
    "metadata": ask(lambda: client.get_model_metadata("telco-churn", headers=headers)),
    "load": ask(lambda: client.load_model("telco-churn", headers=headers)),
}))
"""


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = client_python("inference-2.60.0", *CLIENTS)
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)

    def test_triton_clients_see_who_may_do_what(self):
        secrets = {role: tenure_json("admin", "tokens", "create", role, "--role", role, "--rate", "4", cwd=self.project)["token"]
                   for role in ("viewer", "operator")}
        with Server(self.project, "--set", "auth.enabled=true") as server:
            for protocol, address, unknown, low, many in (
                    ("http", f"127.0.0.1:{server.port}", "401", "403", "429"),
                    ("grpc", server.facts["grpc"], "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED")):
                def ask(secret):
                    return json.loads(run_client(self.python, ASK, address, secret, protocol, cwd=self.folder))
                for secret in ("", "tnr_00000000_" + "0" * 32):
                    seen = ask(secret)
                    self.assertTrue(seen["live"])
                    self.assertIn(unknown, seen["metadata"])
                    self.assertIn(unknown, seen["load"])
                viewer = ask(secrets["viewer"])
                self.assertEqual(viewer["metadata"], "ok")
                self.assertIn(low, viewer["load"])
                self.assertIn("role operator", viewer["load"])
                operator = ask(secrets["operator"])
                self.assertEqual((operator["metadata"], operator["load"]), ("ok", "ok"))
            self.assertIn(many, ask(secrets["viewer"])["metadata"], "four requests are used up")


if __name__ == "__main__":
    unittest.main()
