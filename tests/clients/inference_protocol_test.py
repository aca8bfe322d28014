"""The unmodified clients of Triton, KServe and MLflow scoring ask a served model over HTTP."""
import csv
import json
import re
import struct
import time
import unittest
import uuid

from client_environment import client_python, run_client
from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure

CLIENTS = ("tritonclient[grpc,http]==2.60.0", "kserve==0.16.0")

TRITON = """
import importlib, json, sys
import numpy as np
triton = importlib.import_module("tritonclient." + sys.argv[3])
from tritonclient.utils import InferenceServerException
is_grpc = sys.argv[3] == "grpc"
client = triton.InferenceServerClient(sys.argv[1])
rows = json.load(open(sys.argv[2]))
as_json = {"as_json": True} if is_grpc else {}
metadata = client.get_model_metadata("telco-churn", **as_json)
TYPES = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}

def value(text, datatype):
    if datatype == "BYTES":
        return text
    if datatype == "BOOL":
        return text in ("Yes", "1", "true")
    return float(text or "nan") if datatype == "FP64" else int(text)

def columns(is_binary):
    inputs = []
    for tensor in metadata["inputs"]:
        column = [[value(row[tensor["name"]], tensor["datatype"])] for row in rows]
        one = triton.InferInput(tensor["name"], [len(rows), 1], tensor["datatype"])
        one.set_data_from_numpy(np.array(column, dtype=TYPES[tensor["datatype"]]),
                                **({} if is_grpc else {"binary_data": is_binary}))
        inputs.append(one)
    return inputs

def ask(inputs, **options):
    answer = client.infer("telco-churn", inputs, request_id="q1", **options)
    response = answer.get_response(as_json=True) if is_grpc else answer.get_response()
    assert response["id"] == "q1"
    return answer

packed = [] if is_grpc else [
    ask(columns(is_binary), request_compression_algorithm=coding, response_compression_algorithm=coding)
    .as_numpy("probability").tolist() for coding in ("gzip", "deflate") for is_binary in (True, False)]
binary = ask(columns(True))
text = ask(columns(False), outputs=[triton.InferRequestedOutput("probability", **({} if is_grpc else
                                                                                  {"binary_data": False}))])
versioned = ask(columns(True), model_version="1")
identifiers = triton.InferInput("customer_id", [len(rows)], "BYTES")
identifiers.set_data_from_numpy(np.array([row["customerID"] for row in rows], dtype=np.object_))
by_id = ask([identifiers], outputs=[triton.InferRequestedOutput("probability"), triton.InferRequestedOutput("label"),
                                    triton.InferRequestedOutput("contributions"),
                                    triton.InferRequestedOutput("margin"), triton.InferRequestedOutput("decision")])
contributions = by_id.as_numpy("contributions")
try:
    client.infer("nobody", columns(True))
    refusal = None
except InferenceServerException as error:
    refusal = str(error)
classes = {}
for count in (1, 2, 9):
    output = triton.InferRequestedOutput("probability", class_count=count)
    answer = client.infer("telco-churn", columns(True), outputs=[output]).as_numpy("probability")
    classes[count] = [[text.decode() for text in row] for row in answer.tolist()]
timely = ask(columns(True), timeout=60_000_000, **({"client_timeout": 60} if is_grpc else {})).as_numpy("probability").tolist()
try:
    client.infer("telco-churn", columns(True), timeout=1)
    late = None
except InferenceServerException as error:
    late = [error.status(), error.message()]
ask(columns(True), headers={"traceparent": sys.argv[4]})
ask(columns(True), headers={"traceparent": "broken"})
streamed = []
if is_grpc:
    import queue
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for _ in range(2):
        client.async_stream_infer("telco-churn", columns(True))
    for _ in range(2):
        result, error = answers.get(timeout=30)
        assert error is None, error
        streamed.append(result.as_numpy("probability").tolist())
    client.stop_stream()
config = client.get_model_config("telco-churn", **as_json)
index = client.get_model_repository_index(**as_json)
statistics = client.get_inference_statistics("telco-churn", **as_json)
print(json.dumps({
    "live": client.is_server_live(), "ready": client.is_server_ready(), "model_ready": client.is_model_ready("telco-churn"),
    "server": client.get_server_metadata(**as_json)["name"], "config": config.get("config", config)["backend"],
    "index": index["models"] if is_grpc else index, "counted": int(statistics["model_stats"][0]["inference_count"]),
    "streamed": streamed, "classes": classes, "timely": timely, "late": late, "packed": packed,
    "binary": binary.as_numpy("probability").tolist(), "text": text.as_numpy("probability").tolist(),
    "versioned": versioned.as_numpy("probability").tolist(), "by_id": by_id.as_numpy("probability").tolist(),
    "labels": by_id.as_numpy("label").tolist(), "decisions": [d.decode() for d in by_id.as_numpy("decision")],
    "additive": float(np.abs(contributions.sum(axis=1) - by_id.as_numpy("margin")).max()), "refusal": refusal}))
"""

KSERVE = """
import asyncio, json, sys
from kserve import InferenceRESTClient, InferRequest, InferInput, RESTConfig
url, rows = "http://" + sys.argv[1], json.load(open(sys.argv[2]))

async def main():
    v1 = InferenceRESTClient(RESTConfig(protocol="v1"))
    v2 = InferenceRESTClient(RESTConfig(protocol="v2"))
    features = [{name: row[name] for name in sys.argv[3].split(",")} for row in rows]
    predictions = await v1.infer(url, {"instances": features}, model_name="telco-churn")
    explanations = await v1.explain(url, model_name="telco-churn", data={"instances": features[:2]})
    ids = InferInput(name="customer_id", shape=[len(rows)], datatype="BYTES", data=[row["customerID"] for row in rows])
    answer = await v2.infer(url, InferRequest(model_name="telco-churn", infer_inputs=[ids]), model_name="telco-churn")
    print(json.dumps({"v1": predictions["predictions"], "explained": len(explanations["explanations"]),
                      "v2": answer.outputs[0].data, "id": bool(answer.id),
                      "live": await v2.is_server_live(url), "ready": await v2.is_server_ready(url),
                      "model": await v2.is_model_ready(url, "telco-churn"),
                      "v1_model": await v1.is_model_ready(url, "telco-churn")}))
asyncio.run(main())
"""


VARIANTS = """
import importlib, json, sys
import numpy as np
triton = importlib.import_module("tritonclient." + sys.argv[3])
client = triton.InferenceServerClient(sys.argv[1])
ids = [row["customerID"] for row in json.load(open(sys.argv[2]))]

def ask(customers):
    identifiers = triton.InferInput("customer_id", [len(customers)], "BYTES")
    identifiers.set_data_from_numpy(np.array(customers, dtype=np.object_))
    return client.infer("telco-churn", [identifiers], outputs=[triton.InferRequestedOutput("variant"),
                                                               triton.InferRequestedOutput("model_version")])

def parameter(answer):
    if sys.argv[3] == "grpc":
        return answer.get_response().parameters["variant"].string_param
    return answer.get_response().get("parameters", {}).get("variant", "")

together = ask(ids)
print(json.dumps({"variants": [one.decode() for one in together.as_numpy("variant")],
                  "versions": together.as_numpy("model_version").tolist(), "mixed": parameter(together),
                  "alone": [parameter(ask([one])) for one in ids]}))
"""


def np_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


class InferenceProtocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = client_python("inference-2.60.0", *CLIENTS)
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        with open(cls.project / "data" / "customers.csv", newline="") as file:
            cls.rows = [row for _, row in zip(range(20), csv.DictReader(file))]
        cls.rows_file = cls.folder / "rows.json"
        cls.rows_file.write_text(json.dumps(cls.rows))
        cls.server = cls.enterClassContext(Server(cls.project))
        cls.address = f"127.0.0.1:{cls.server.port}"
        status, answer = cls.server.predict({"customer_ids": [row["customerID"] for row in cls.rows]})
        assert status == 200, answer
        cls.expected = [one["probability"] for one in answer["predictions"]]
        cls.decisions = [one["decision"] for one in answer["predictions"]]
        _, info = cls.server.request("GET", "/model-info")
        cls.inputs = [one["name"] for one in info["inputs"]]

    def check_triton(self, protocol, address):
        trace = uuid.uuid4()
        seen = json.loads(run_client(self.python, TRITON, address, self.rows_file, protocol,
                                     f"00-{trace.hex}-b7ad6b7169203331-01", cwd=self.folder))
        self.wait_for_trace(trace)
        for way in ("binary", "text", "versioned", "by_id", "timely"):
            self.assertEqual(seen[way], self.expected, way)
        self.assertEqual(seen["packed"], [self.expected] * len(seen["packed"]))
        self.assertEqual(seen["decisions"], self.decisions)
        self.assertEqual(seen["labels"], [int(decision == "churn") for decision in self.decisions])
        self.assertLess(seen["additive"], 1e-5)
        self.assertTrue(seen["live"] and seen["ready"] and seen["model_ready"])
        self.assertEqual((seen["server"], seen["config"]), ("tenure", "tenure"))
        self.assertEqual([(model["name"], model["version"], model["state"]) for model in seen["index"]],
                         [("telco-churn", "1", "READY")])
        self.assertGreaterEqual(seen["counted"], 80)
        self.assertIn("nobody", seen["refusal"])
        self.check_classes(seen["classes"])
        self.assertIn(seen["late"][0], ("504", "StatusCode.DEADLINE_EXCEEDED"))
        self.assertIn("time had run out", seen["late"][1])
        return seen

    def wait_for_trace(self, trace):
        """The events of the traced request, as the log holds them: field 1, 25 bytes, trace id, a span of ours, sampled."""
        deadline = time.monotonic() + 30
        field = re.compile(re.escape(b"\x01\x19" + trace.bytes) + b"(.{8})\x01", re.DOTALL)
        while True:
            files = (self.project / ".tenure" / "predictions").glob("predictions-*.log")
            spans = [span for path in files for span in field.findall(path.read_bytes())]
            if len(spans) == len(self.rows) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertEqual(len(spans), len(self.rows))
        self.assertEqual(len(set(spans)), 1)
        self.assertNotEqual(spans[0].hex(), "b7ad6b7169203331")

    def check_classes(self, classes):
        """Triton's text: value with six decimals, index, label; the most probable first."""
        for row, probability in enumerate(self.expected):
            both = sorted([(1 - np_float32(probability), 0, "stay"), (np_float32(probability), 1, "churn")],
                          key=lambda one: -one[0])
            texts = [f"{value:f}:{index}:{label}" for value, index, label in both]
            self.assertEqual(classes["2"][row], texts)
            self.assertEqual(classes["9"][row], texts)
            self.assertEqual(classes["1"][row], texts[:1])

    def test_triton_predicts_the_same_bits_over_http(self):
        self.check_triton("http", self.address)

    def test_triton_predicts_the_same_bits_over_grpc(self):
        seen = self.check_triton("grpc", self.server.facts["grpc"])
        self.assertEqual(seen["streamed"], [self.expected, self.expected])

    def test_kserve_predicts_the_same_bits(self):
        seen = json.loads(run_client(self.python, KSERVE, self.address, self.rows_file, ",".join(self.inputs),
                                     cwd=self.folder))
        self.assertEqual(seen["v1"], self.expected)
        self.assertEqual(seen["v2"], self.expected)
        self.assertEqual(seen["explained"], 2)
        self.assertTrue(all(seen[name] for name in ("id", "live", "ready", "model", "v1_model")))

    def test_triton_hears_which_variant_answered_the_same_over_every_protocol(self):
        tenure("models", "promote", "1", "--alias", "canary", cwd=self.project)
        self.addCleanup(tenure, "models", "unalias", "canary", cwd=self.project)
        with Server(self.project, "--set", "serving.traffic.arms.canary.percent=50", "--set",
                    "monitoring.prediction_log.path=canary-log") as server:
            answer = server.predict({"customer_ids": [row["customerID"] for row in self.rows]})[1]
            expected = [one["variant"] for one in answer["predictions"]]
            self.assertEqual(set(expected), {"champion", "canary"})
            for protocol, address in (("http", f"127.0.0.1:{server.port}"), ("grpc", server.facts["grpc"])):
                seen = json.loads(run_client(self.python, VARIANTS, address, self.rows_file, protocol, cwd=self.folder))
                self.assertEqual(seen["variants"], expected)
                self.assertEqual(seen["versions"], [1] * len(expected))
                self.assertEqual(seen["mixed"], "")
                self.assertEqual(seen["alone"], expected)


if __name__ == "__main__":
    unittest.main()
