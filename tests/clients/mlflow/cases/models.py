"""Logging, registering, finding and loading models, with an unmodified client."""
import unittest

import mlflow
import numpy
import pandas
import xgboost
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

from naming import unique

MAJOR = int(mlflow.__version__.split(".")[0])


def training_table(rows=400):
    random = numpy.random.default_rng(7)
    x = pandas.DataFrame({"tenure": random.uniform(0, 72, rows), "charges": random.uniform(20, 120, rows)})
    return x, (x.charges / 120 - x.tenure / 72 + random.normal(0, 0.3, rows) > 0).astype(int)


def log_model(flavor, model, name, **arguments):
    """3.x names a model, 2.x gives it a path of the run."""
    return flavor.log_model(model, **{"name" if MAJOR >= 3 else "artifact_path": name}, **arguments)


class Models(unittest.TestCase):
    def setUp(self):
        self.client = MlflowClient()
        mlflow.set_experiment(unique(self.id()))
        self.name = unique("model")
        self.x, self.y = training_table()

    def test_an_xgboost_model_is_logged_registered_and_loaded_by_alias(self):
        booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(self.x, self.y), 10)
        expected = booster.predict(xgboost.DMatrix(self.x))
        with mlflow.start_run():
            log_model(mlflow.xgboost, booster, "model", registered_model_name=self.name,
                      signature=infer_signature(self.x, expected), input_example=self.x.head(2))
        version, = self.client.search_model_versions(f"name = '{self.name}'")
        self.assertEqual((version.version, version.status, version.current_stage), ("1", "READY", "None")
                         if isinstance(version.version, str) else (1, "READY", "None"))
        self.client.set_registered_model_alias(self.name, "champion", version.version)
        loaded = mlflow.xgboost.load_model(f"models:/{self.name}@champion")
        numpy.testing.assert_array_equal(loaded.predict(xgboost.DMatrix(self.x)), expected)
        served = mlflow.pyfunc.load_model(f"models:/{self.name}/1")
        numpy.testing.assert_array_equal(served.predict(self.x), expected)

    def test_a_scikit_learn_model_too(self):
        model = LogisticRegression(max_iter=500).fit(self.x, self.y)
        with mlflow.start_run():
            info = log_model(mlflow.sklearn, model, "lr", signature=infer_signature(self.x, model.predict(self.x)))
        loaded = mlflow.sklearn.load_model(info.model_uri)
        numpy.testing.assert_array_equal(loaded.predict(self.x), model.predict(self.x))

    def test_autologging_of_an_xgboost_training(self):
        mlflow.xgboost.autolog()
        self.addCleanup(mlflow.xgboost.autolog, disable=True)
        train = xgboost.DMatrix(self.x, self.y)
        with mlflow.start_run() as run:
            xgboost.train({"objective": "binary:logistic", "eval_metric": "logloss"}, train, 15,
                          evals=[(train, "train")], verbose_eval=False)
        seen = self.client.get_run(run.info.run_id)
        self.assertEqual(seen.data.params["objective"], "binary:logistic")
        self.assertEqual(len(self.client.get_metric_history(run.info.run_id, "train-logloss")), 15)
        self.assertIn("feature_importance_weight.json", [f.path for f in self.client.list_artifacts(run.info.run_id)])
        # 3.x compares the model with what it read back.
        self.assertEqual(mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model").predict(self.x).shape, (400,))

    def test_the_registry(self):
        client, name = self.client, self.name
        client.create_registered_model(name, {"k": "v"}, "what it is")
        with self.assertRaisesRegex(MlflowException, "RESOURCE_ALREADY_EXISTS"):
            client.create_registered_model(name)
        for i in range(3):
            client.create_model_version(name, f"s3://bucket/{i}", tags={"i": str(i)}, description=str(i))
        client.transition_model_version_stage(name, "1", "Production")
        client.transition_model_version_stage(name, "2", "production", archive_existing_versions=True)
        self.assertEqual({int(v.version): v.current_stage for v in client.search_model_versions(f"name='{name}'")},
                         {1: "Archived", 2: "Production", 3: "None"})
        self.assertEqual([int(v.version) for v in client.get_latest_versions(name, ["Production"])], [2])
        self.assertEqual(client.get_model_version_download_uri(name, "2"), "s3://bucket/1")
        client.set_registered_model_alias(name, "Champion", "3")
        self.assertEqual(int(client.get_model_version_by_alias(name, "Champion").version), 3)
        self.assertEqual({k: int(v) for k, v in client.get_registered_model(name).aliases.items()}, {"Champion": 3})
        copied = client.copy_model_version(f"models:/{name}@Champion", name + "-copy")
        self.assertEqual((int(copied.version), copied.source), (1, f"models:/{name}/3"))
        self.assertEqual(client.get_model_version_download_uri(name + "-copy", "1"), "s3://bucket/2")
        client.delete_model_version(name, "3")
        with self.assertRaisesRegex(MlflowException, "INVALID_PARAMETER_VALUE|RESOURCE_DOES_NOT_EXIST"):
            client.get_model_version_by_alias(name, "Champion")
        self.assertEqual(int(client.create_model_version(name, "s3://bucket/9").version), 4)
        client.set_model_version_tag(name, "4", "checked", "yes")
        client.update_model_version(name, "4", "the fourth")
        found, = client.search_model_versions(f"name='{name}' and tags.checked = 'yes'")
        self.assertEqual(found.description, "the fourth")
        client.rename_registered_model(name, name + "-renamed")
        self.assertEqual([m.name for m in client.search_registered_models(f"name LIKE '{name}-ren%'")],
                         [name + "-renamed"])
        client.delete_registered_model(name + "-renamed")
        with self.assertRaisesRegex(MlflowException, "RESOURCE_DOES_NOT_EXIST.*not found"):
            client.get_registered_model(name + "-renamed")


if __name__ == "__main__":
    unittest.main()
