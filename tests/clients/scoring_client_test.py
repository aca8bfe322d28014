"""mlflow's own scoring client, and the bodies mlflow makes, against /invocations: the bits of /predict."""
import json
import unittest

from client_environment import MLFLOW, client_python, run_client
from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure

ROWS = 40

ASK = """
import json, sys
import numpy as np, pandas as pd, requests
from mlflow.models import convert_input_example_to_serving_input
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

host, port, inputs = "127.0.0.1", int(sys.argv[1]), sys.argv[3].split(",")
client = ScoringServerClient(host, port)
client.wait_server_ready()
client.ping()
# As people read their tables: TotalCharges has blanks, which become NaN.
table = pd.read_csv(sys.argv[2], nrows=int(sys.argv[4]), skipinitialspace=True)
table = table[inputs]
table["TotalCharges"] = pd.to_numeric(table["TotalCharges"], errors="coerce")
shuffled = table[list(reversed(inputs))].assign(unknown_column="x")
records = table.to_dict(orient="records")
lists = table.to_dict(orient="split")["data"]

def scores(answer):
    return answer["predictions"] if isinstance(answer, dict) else answer

def post(body, content_type="application/json", is_text=False):
    text = body if is_text else json.dumps(body)  # NaN as Python writes it
    answer = requests.post(f"http://{host}:{port}/invocations", data=text, headers={"Content-Type": content_type})
    return answer.status_code, answer.headers["Content-Type"], answer.text

def ask(*arguments, **options):
    status, kind, text = post(*arguments, **options)
    assert status == 200 and kind == "application/json", (status, kind, text)
    return json.loads(text)["predictions"]

seen = {
    "client, DataFrame": client.invoke(table).get_predictions()[0].tolist(),
    "client, DataFrame, shuffled": client.invoke(shuffled).get_predictions("ndarray").tolist(),
    "client, list of records": scores(client.invoke(records)),
    "client, list of rows": scores(client.invoke(lists)),
    "client, array": scores(client.invoke(np.array(lists, dtype=object))),
    "serving input example": ask(convert_input_example_to_serving_input(table), is_text=True),
    "dataframe_split": ask({"dataframe_split": table.to_dict(orient="split")}),
    "dataframe_split without index": ask({"dataframe_split": {"columns": inputs, "data": lists}}),
    "dataframe_records": ask({"dataframe_records": records}),
    "instances, objects": ask({"instances": records}),
    "instances, rows": ask({"instances": lists}),
    "inputs, columns": ask({"inputs": table.to_dict(orient="list")}),
    "inputs, rows": ask({"inputs": lists}),
    "csv": ask(table.to_csv(index=False), "text/csv", is_text=True),
    "csv, charset, shuffled": ask(shuffled.to_csv(index=False), "text/csv; charset=utf-8", is_text=True),
    "charset": ask({"instances": records}, "application/json; charset=utf-8"),
}
both = client.invoke(table, params={"predict_method": "predict_proba"}).get_predictions("ndarray")
refused = {}
for name, body, kind in (("no key", [1, 2], "application/json"), ("two keys", {"instances": [], "inputs": []}, "application/json"),
                         ("a column missing", {"dataframe_records": [{"gender": "Male"}]}, "application/json"),
                         ("xml", {}, "text/xml"), ("latin", {}, "application/json; charset=latin-1")):
    status, content_type, text = post(body, kind)
    refused[name] = [status, "error_code" in text]
try:
    client.invoke(table[inputs[:3]])
    complaint = None
except Exception as error:
    complaint = str(error)
print(json.dumps({"seen": seen, "both": both.tolist(), "version": client.get_version(), "refused": refused,
                  "missing": int(table["TotalCharges"].isna().sum()), "complaint": complaint}))
"""


class ScoringClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = client_python("mlflow-2.22.2", *MLFLOW)
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        tenure("run", *FAST, cwd=cls.project)
        # One of the rows lacks a number.
        lines = (cls.project / "data" / "customers.csv").read_text().splitlines()
        column = lines[0].split(",").index("TotalCharges")
        cells = lines[3].split(",")
        cells[column] = ""
        cls.table = cls.folder / "rows.csv"
        cls.table.write_text("\n".join([lines[0], *lines[1:3], ",".join(cells), *lines[4:ROWS + 1]]) + "\n")
        cls.server = cls.enterClassContext(Server(cls.project))
        _, info = cls.server.request("GET", "/model-info")
        cls.inputs = [one["name"] for one in info["inputs"]]
        names = lines[0].split(",")
        rows = [dict(zip(names, line.split(","))) for line in cls.table.read_text().splitlines()[1:]]
        features = [{name: row[name].strip() or None for name in cls.inputs} for row in rows]
        status, answer = cls.server.predict({"features": features})
        assert status == 200, answer
        cls.expected = [one["probability"] for one in answer["predictions"]]
        cls.answer = json.loads(run_client(cls.python, ASK, cls.server.port, cls.table, ",".join(cls.inputs), ROWS,
                                           cwd=cls.folder))

    def test_every_form_of_a_table_gets_the_bits_of_predict(self):
        self.assertEqual(len(self.expected), ROWS)
        self.assertGreaterEqual(self.answer["missing"], 1)
        self.assertEqual(len(self.answer["seen"]), 16)
        for form, scores in self.answer["seen"].items():
            with self.subTest(form):
                self.assertEqual(scores, self.expected)

    def test_predict_proba_gives_both_classes(self):
        self.assertEqual([row[1] for row in self.answer["both"]], self.expected)
        for negative, positive in self.answer["both"]:
            self.assertAlmostEqual(negative + positive, 1, places=6)

    def test_the_client_sees_a_server_it_knows(self):
        self.assertEqual(self.answer["version"], "3.11.1")
        self.assertEqual(self.server.request("GET", "/ping"), (200, "\n"))

    def test_bodies_that_mlflow_refuses_are_refused(self):
        self.assertEqual(self.answer["refused"], {"no key": [400, True], "two keys": [400, True],
                                                  "a column missing": [400, True], "xml": [415, False],
                                                  "latin": [415, False]})
        self.assertIn("Invocation failed (error code 400", self.answer["complaint"])


if __name__ == "__main__":
    unittest.main()
