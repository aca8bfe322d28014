#!/usr/bin/env python3
"""The peer of bench/run: the loop of `tenure run` on Telco, as a Python team writes it.

    python_loop.py DATA.csv FOLDER [ROUNDS] [PARAMETER=VALUE ...]

Reads and cleans the CSV with pandas, splits it, one-hot encodes, cross-validates in five folds, fits,
evaluates on the held-out rows, logs the run and the model to an MLflow SQLite registry below FOLDER
and moves the alias `champion` to the new version. Prints one JSON object as its last line. Run with
the interpreter of the benchmark's own environment (bench/environment.py).
"""

import json
import os
import sys
import time

START = time.perf_counter()

import mlflow  # noqa: E402  the imports are part of what a user waits for
import mlflow.sklearn  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import sklearn  # noqa: E402
import xgboost  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.metrics import (  # noqa: E402
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split  # noqa: E402
from sklearn.pipeline import Pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder  # noqa: E402

MODEL = "telco-churn"


class Stopwatch:
    """Seconds by step; each lap ends the step before it."""

    def __init__(self, start):
        self.seconds = {}
        self._last = start

    def lap(self, step):
        now = time.perf_counter()
        self.seconds[step] = now - self._last
        self._last = now


def read_clean(path):
    frame = pd.read_csv(path)
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce").fillna(0.0)
    label = (frame["Churn"] == "Yes").astype(int)
    return frame.drop(columns=["customerID", "Churn"]), label


def expected_calibration_error(label, probability, bins=10):
    edges = np.linspace(0, 1, bins + 1)
    bin_of = np.clip(np.digitize(probability, edges[1:-1], right=True), 0, bins - 1)
    error = 0.0
    for i in range(bins):
        chosen = bin_of == i
        if chosen.any():
            error += chosen.mean() * abs(probability[chosen].mean() - label[chosen].mean())
    return error


def evaluate(label, probability):
    label = np.asarray(label)
    top = np.argsort(-probability, kind="stable")[: round(len(label) * 0.1)]
    return {
        "test_auc": roc_auc_score(label, probability),
        "average_precision": average_precision_score(label, probability),
        "log_loss": log_loss(label, probability),
        "brier": brier_score_loss(label, probability),
        "ece": expected_calibration_error(label, probability),
        "top_decile_lift": label[top].mean() / label.mean(),
    }


def make_pipeline(frame, rounds, params):
    categories = [c for c in frame.columns if frame[c].dtype == object]
    encoder = ColumnTransformer(
        [("onehot", OneHotEncoder(handle_unknown="ignore"), categories)], remainder="passthrough"
    )
    booster = xgboost.XGBClassifier(n_estimators=rounds, **params)
    return Pipeline([("encode", encoder), ("model", booster)])


def register(folder, pipeline, params, metrics, example):
    folder = os.path.abspath(folder)
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)  # MLflow makes an empty `mlruns` in the current folder
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment(MODEL, artifact_location=f"file://{folder}/artifacts")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_params(params)
        mlflow.log_metrics(metrics)
        signature = infer_signature(example, pipeline.predict_proba(example)[:, 1])
        # pip requirements are given, as inferring them starts another interpreter for seconds.
        info = mlflow.sklearn.log_model(
            pipeline,
            "model",
            signature=signature,
            input_example=example,
            registered_model_name=MODEL,
            pip_requirements=[f"scikit-learn=={sklearn.__version__}", f"xgboost=={xgboost.__version__}"],
        )
    version = info.registered_model_version
    mlflow.MlflowClient().set_registered_model_alias(MODEL, "champion", version)
    return run.info.run_id, int(version)


def main():
    data, folder = sys.argv[1], sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 400
    params = dict(pair.split("=", 1) for pair in sys.argv[4:])
    watch = Stopwatch(START)
    watch.lap("import")
    frame, label = read_clean(data)
    watch.lap("ingest")
    train, test, train_label, test_label = train_test_split(
        frame, label, test_size=0.2, stratify=label, random_state=42
    )
    watch.lap("split")
    folds = StratifiedKFold(5, shuffle=True, random_state=42)
    aucs = cross_val_score(
        make_pipeline(frame, rounds, params), train, train_label, cv=folds, scoring="roc_auc"
    )
    watch.lap("cross_validation")
    pipeline = make_pipeline(frame, rounds, params).fit(train, train_label)
    watch.lap("fit")
    metrics = evaluate(test_label, pipeline.predict_proba(test)[:, 1])
    metrics |= {"cv_auc_mean": aucs.mean(), "cv_auc_sd": aucs.std()}
    metrics = {name: float(value) for name, value in metrics.items()}
    watch.lap("evaluate")
    run_id, version = register(folder, pipeline, params | {"n_estimators": rounds}, metrics, test.head(5))
    watch.lap("register")
    print(
        json.dumps(
            {
                "run_id": run_id,
                "model": MODEL,
                "version": version,
                "metrics": metrics,
                "seconds": watch.seconds,
                "versions": {
                    "pandas": pd.__version__,
                    "scikit-learn": sklearn.__version__,
                    "xgboost": xgboost.__version__,
                    "mlflow": mlflow.__version__,
                },
            }
        )
    )


if __name__ == "__main__":
    main()
