"""Models written by unmodified XGBoost and LightGBM: our margins and outputs have the same bits as theirs."""
import os
import pathlib
import unittest

from client_environment import client_python, run_client
from tenure_process import TENURE, temporary_folder

COMMON = ("numpy==1.26.4", "scipy==1.11.4")
XGBOOST_OLD = ("xgboost==1.7.6", *COMMON)
XGBOOST_NEW = ("xgboost-cpu==3.2.0", "lightgbm==4.6.0", *COMMON)

# Rows with ties, missing values, zeros and categories; a runner that compares all ways of our evaluator.
PRELUDE = """
import json, pathlib, subprocess, sys
import numpy as np
program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
rng = np.random.default_rng(7)

def rows(count, columns, categories=(), missing=0.15):
    x = rng.normal(size=(count, columns)).astype(np.float32) * 10
    x[:, ::3] = rng.integers(-3, 12, size=x[:, ::3].shape)
    x[rng.random(x.shape) < missing] = np.nan
    for column in categories:
        x[:, column] = rng.integers(0, 50, size=count)
        x[rng.random(count) < missing, column] = np.nan
    return x

def labels(x, classes=2):
    signal = np.nansum(np.sin(x * (np.arange(x.shape[1]) + 1)), axis=1)
    return (np.abs(signal) * 3).astype(int) % classes if classes > 2 else (signal > 0).astype(int)

def evaluate(model, x):
    x.astype("<f4").tofile(folder / "rows.bin")
    done = subprocess.run([program, model, folder / "rows.bin", str(x.shape[1]), folder / "out.bin"],
                          capture_output=True, text=True)
    assert done.returncode == 0, f"{model}: {done.stdout}{done.stderr}"
    ways = done.stdout.splitlines()
    return ways, np.fromfile(folder / "out.bin", "<f8").reshape(len(ways), 2, len(x), -1)

def refusal(model, columns):
    done = subprocess.run([program, model, folder / "rows.bin", str(columns), folder / "out.bin"],
                          capture_output=True, text=True)
    assert done.returncode == 3, f"{model}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout

def compare(name, model, x, margin, output):
    ways, ours = evaluate(model, x)
    for way, (our_margin, our_output) in zip(ways, ours):
        for what, mine, theirs in (("margin", our_margin, margin), ("output", our_output, output)):
            theirs = np.asarray(theirs, dtype=np.float64).reshape(len(x), -1)
            mine = mine[:, :theirs.shape[1]]
            wrong = np.flatnonzero((mine.view(np.uint64) != theirs.copy().view(np.uint64)).any(axis=1))
            assert len(wrong) == 0, (name, way, what, len(wrong), mine[wrong[:1]], theirs[wrong[:1]], x[wrong[:1]])
    return ways
"""

XGBOOST = PRELUDE + """
import xgboost as xgb
train, unseen = rows(600, 9), rows(500, 9)
unseen[:40, :] = np.where(rng.random((40, 9)) < 0.3, -0.0, unseen[:40, :])
seen = []
CASES = {
    "logistic": dict(objective="binary:logistic", max_depth=6),
    "deep": dict(objective="binary:logistic", max_depth=11, min_child_weight=0),
    "exact": dict(objective="binary:logistic", tree_method="exact", max_depth=3, base_score=0.31),
    "softprob": dict(objective="multi:softprob", num_class=3, max_depth=4),
    "dart": dict(booster="dart", objective="binary:logistic", rate_drop=0.3, one_drop=1),
    "poisson": dict(objective="count:poisson"),
    "squared": dict(objective="reg:squarederror"),
    "gamma": dict(objective="reg:gamma", base_score=0.7),
    "cox": dict(objective="survival:cox"),
    "tweedie": dict(objective="reg:tweedie", tweedie_variance_power=1.4),
    "aft": dict(objective="survival:aft", aft_loss_distribution="normal"),
    "pairwise": dict(objective="rank:pairwise"),
    "ndcg": dict(objective="rank:ndcg"),
    "softmax": dict(objective="multi:softmax", num_class=4, max_depth=3),
    "forest": dict(objective="binary:logistic", num_parallel_tree=4, subsample=0.6, colsample_bynode=0.7),
    "hinge": dict(objective="binary:hinge"),
    "linear": dict(booster="gblinear", objective="binary:logistic"),
    "linear_classes": dict(booster="gblinear", objective="multi:softprob", num_class=3, base_score=0.5),
}
for name, params in CASES.items():
    y = labels(train, params.get("num_class", 2)).astype(float)
    if name in ("gamma", "cox", "poisson", "tweedie", "aft"):
        y += 0.5
    data = xgb.DMatrix(train, y)
    if name == "aft":
        data.set_float_info("label_lower_bound", y)
        data.set_float_info("label_upper_bound", y * 2)
    booster = xgb.train(dict(params, nthread=1, verbosity=0), data, 15)
    matrix = xgb.DMatrix(unseen)
    margin, output = booster.predict(matrix, output_margin=True), booster.predict(matrix)
    for form in sys.argv[3].split(","):
        path = folder / f"{name}.{form}"
        path.write_bytes(booster.save_raw(form))
        ways = compare(name + "." + form, path, unseen, margin, output)
    seen.append(len(ways))
categories = rows(600, 5, categories=(1, 3))
for limit in (1, 100):
    types = ["q", "c", "q", "c", "q"]
    data = xgb.DMatrix(categories, labels(categories), feature_types=types, enable_categorical=True)
    booster = xgb.train(dict(objective="binary:logistic", tree_method="hist", max_cat_to_onehot=limit, nthread=1),
                        data, 10)
    (folder / "categories.json").write_bytes(booster.save_raw("json"))
    compare("categories", folder / "categories.json", categories, booster.predict(data, output_margin=True),
            booster.predict(data))
if xgb.__version__.startswith("3"):
    vectors = xgb.train(dict(objective="multi:softprob", num_class=3, multi_strategy="multi_output_tree", nthread=1,
                             tree_method="hist"), xgb.DMatrix(train, labels(train, 3)), 2)
    (folder / "vectors.json").write_bytes(vectors.save_raw("json"))
    seen.append(refusal(folder / "vectors.json", 9))
print(json.dumps(seen))
"""

LIGHTGBM = PRELUDE + """
import lightgbm as lgb
train, unseen = rows(800, 9, categories=(4,)), rows(600, 9, categories=(4,))
unseen[:60, :] = np.where(rng.random((60, 9)) < 0.3, -0.0, unseen[:60, :])
unseen[60:120, 4] = np.resize(np.float32([-0.5, -1, 1.9, 1e6, 3e9, np.inf, -np.inf, 49]), 60)
unseen[120:180, 1] = np.resize(np.float32([1e-35, -1e-35, 1e-36, 1e-34, np.inf, -np.inf, 0]), 60)
train[:, 2] = np.where(rng.random(800) < 0.5, 0, train[:, 2])
unseen[:, 2] = np.where(rng.random(600) < 0.5, 0, unseen[:, 2])
CASES = {
    "binary": dict(objective="binary"),
    "sigmoid": dict(objective="binary", sigmoid=1.7, num_leaves=7),
    "no_average": dict(objective="binary", boost_from_average=False, is_unbalance=True),
    "zero_missing": dict(objective="binary", zero_as_missing=True),
    "no_missing": dict(objective="binary", use_missing=False),
    "many_leaves": dict(objective="binary", num_leaves=200, min_data_in_leaf=1),
    "stumps": dict(objective="binary", max_depth=1),
    "multiclass": dict(objective="multiclass", num_class=3),
    "ova": dict(objective="multiclassova", num_class=3, sigmoid=1.3),
    "regression": dict(objective="regression"),
    "sqrt": dict(objective="regression", reg_sqrt=True),
    "l1": dict(objective="regression_l1"),
    "huber": dict(objective="huber"),
    "quantile": dict(objective="quantile", alpha=0.8),
    "poisson": dict(objective="poisson"),
    "gamma": dict(objective="gamma"),
    "tweedie": dict(objective="tweedie"),
    "xentropy": dict(objective="cross_entropy"),
    "xentlambda": dict(objective="cross_entropy_lambda"),
    "lambdarank": dict(objective="lambdarank"),
    "forest": dict(objective="binary", boosting="rf", bagging_fraction=0.6, bagging_freq=1, feature_fraction=0.7),
    "regression_forest": dict(objective="regression", boosting="rf", bagging_fraction=0.6, bagging_freq=1),
    "class_forest": dict(objective="multiclass", num_class=3, boosting="rf", bagging_fraction=0.6, bagging_freq=1),
    "dart": dict(objective="binary", boosting="dart", drop_rate=0.3),
    "one_hot": dict(objective="binary", max_cat_to_onehot=64),
    "goss": dict(objective="regression", boosting="goss"),
}
for name, params in CASES.items():
    y = labels(train, params.get("num_class", 2)).astype(float)
    if name in ("gamma", "sqrt", "regression"):
        y += rng.random(len(y)) + 0.1
    data = lgb.Dataset(train, y, categorical_feature=[4], group=[200] * 4 if name == "lambdarank" else None,
                       free_raw_data=False)
    settings = dict({"num_leaves": 31, "verbosity": -1, "num_threads": 1, "deterministic": True, "max_bin": 63},
                    **params)
    booster = lgb.train(settings, data, 20)
    booster.save_model(folder / f"{name}.txt")
    compare(name, folder / f"{name}.txt", unseen, booster.predict(unseen, raw_score=True), booster.predict(unseen))
booster = lgb.train({"objective": "regression", "linear_tree": True, "verbosity": -1, "num_threads": 1},
                    lgb.Dataset(train, labels(train)), 3)
booster.save_model(folder / "linear.txt")
print(refusal(folder / "linear.txt", 9))
"""


class ModelFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.program = pathlib.Path(TENURE).parent / "evaluate_model"
        if not os.access(cls.program, os.X_OK):
            raise AssertionError(f"{cls.program} is not built: cmake --build build --target evaluate_model")

    def test_margins_of_xgboost_1_7_in_all_its_formats(self):
        python = client_python("models-old", *XGBOOST_OLD)
        run_client(python, XGBOOST, self.program, self.folder, "deprecated,ubj,json", cwd=self.folder)

    def test_margins_of_xgboost_3_in_both_its_formats_and_vector_leaves_are_refused(self):
        python = client_python("models-new", *XGBOOST_NEW)
        seen = run_client(python, XGBOOST, self.program, self.folder, "ubj,json", cwd=self.folder)
        self.assertIn("vector", seen)

    def test_margins_of_lightgbm_and_its_linear_trees_are_refused(self):
        python = client_python("models-new", *XGBOOST_NEW)
        seen = run_client(python, LIGHTGBM, self.program, self.folder, cwd=self.folder)
        self.assertIn("linear models (linear_tree)", seen)


if __name__ == "__main__":
    unittest.main()
