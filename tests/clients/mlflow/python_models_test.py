"""Models that Python logged, registered with the unmodified client: we serve them, with Python's numbers."""
import json
import unittest

from client_environment import MLFLOW_3, client_python, run_client
from tenure_process import TrackingServer, temporary_folder, wait_until

LOG = """
import json, sys
import lightgbm, mlflow, numpy, pandas, xgboost
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("python models")
random = numpy.random.default_rng(3)
x = pandas.DataFrame({"tenure": random.integers(0, 72, 500), "charges": random.uniform(20, 120, 500)})
x.loc[::17, "charges"] = numpy.nan
y = (x.charges.fillna(60) / 120 - x.tenure / 72 + random.normal(0, .3, 500) > 0).astype(int)
client = MlflowClient()
booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x, y), 20)
sklearn_api = xgboost.XGBClassifier(n_estimators=15).fit(x, y)
forest = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(x, y), 20)
regression = LogisticRegression().fit(x.fillna(0), y)
rows, said = x.head(40), {}
array = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x.to_numpy(), y), 20)
for kind, flavor, model, expected in (
        ("booster", mlflow.xgboost, booster, booster.predict(xgboost.DMatrix(rows))),
        ("classifier", mlflow.xgboost, sklearn_api, sklearn_api.predict_proba(rows)[:, 1]),
        ("lightgbm", mlflow.lightgbm, forest, forest.predict(rows)),
        ("array", mlflow.xgboost, array, array.predict(xgboost.DMatrix(rows.to_numpy()))),
        ("regression", mlflow.sklearn, regression, None)):
    with mlflow.start_run():
        info = flavor.log_model(model, name="model", registered_model_name="python",
                                signature=infer_signature(rows.fillna(0).to_numpy() if kind == "array" else rows.fillna(0),
                                                          regression.predict(x.head(40).fillna(0))))
    said[kind] = {"version": int(info.registered_model_version),
                  "expected": None if expected is None else [float(p) for p in expected]}
print(json.dumps({"rows": [{"tenure": int(r.tenure), "charges": None if numpy.isnan(r.charges) else float(r.charges)}
                           for r in rows.itertuples()], "models": said}))
"""


class PythonModels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.server = cls.enterClassContext(TrackingServer(cls.folder, "--set", "serving.model=python"))
        python = client_python("mlflow-3.17.2", *MLFLOW_3)
        said = run_client(python, LOG, f"http://127.0.0.1:{cls.server.port}", cwd=cls.folder)
        cls.facts = json.loads(said.strip().splitlines()[-1])

    def promote(self, version):
        status, answer = self.server.request("POST", "/api/2.0/mlflow/registered-models/alias",
                                             {"name": "python", "alias": "champion", "version": str(version)},
                                             {"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)

    def served(self, kind, tolerance):
        model = self.facts["models"][kind]
        self.promote(model["version"])
        wait_until(lambda: self.server.request("GET", "/model-info")[1].get("version") == model["version"])
        status, answer = self.server.predict({"features": self.facts["rows"]})
        self.assertEqual(status, 200, answer)
        for row, expected in zip(answer["predictions"], model["expected"], strict=True):
            self.assertAlmostEqual(row["probability"], expected, delta=tolerance)

    def test_a_booster(self):
        self.served("booster", 1e-7)

    def test_a_classifier_of_the_scikit_learn_interface(self):
        self.served("classifier", 1e-7)

    def test_lightgbm(self):
        self.served("lightgbm", 1e-7)

    def test_a_booster_of_arrays_takes_rows_as_lists(self):
        model = self.facts["models"]["array"]
        self.promote(model["version"])
        wait_until(lambda: self.server.request("GET", "/model-info")[1].get("version") == model["version"])
        rows = [[row["tenure"], row["charges"]] for row in self.facts["rows"]]
        for form in ("inputs", "instances"):
            status, answer = self.server.request("POST", "/invocations", {form: rows},
                                                 {"Content-Type": "application/json"})
            self.assertEqual(status, 200, answer)
            for given, expected in zip(answer["predictions"], model["expected"], strict=True):
                self.assertAlmostEqual(given, expected, delta=1e-7)

    def test_a_pickle_is_refused_with_the_reason_and_the_model_before_stays(self):
        self.served("booster", 1e-7)
        self.promote(self.facts["models"]["regression"]["version"])

        def health():
            return json.dumps(self.server.request("GET", "/model-info")[1])

        wait_until(lambda: "XGBoost and LightGBM" in health(), pause=0.1)
        self.assertEqual(self.server.predict({"features": self.facts["rows"][0]})[0], 200)


if __name__ == "__main__":
    unittest.main()
