#!/usr/bin/env python3
"""The peer of bench/own_table: what a careful person does with a churn table in XGBoost.

    hand_made.py TABLE.csv TRAINING_IDS.txt THREADS

Reads the table with pandas, keeps the rows whose customer_id is listed, and looks for the best of a grid
of settings by stratified 5-fold cross-validation with early stopping. Prints one JSON object.

Encodings are fitted on a fold's training part alone: numbers as they are; words for missing as missing;
dates as days; categories one-hot. Categories with more than 30 values are tried one-hot (the 64 most
frequent) and as smoothed target means, taken out of fold so that no row sees its own label. What early
stopping watches is a sixth of the fold's training part, never its test part.

Above 25,000 rows the grid is searched on a stratified sample of so many, and the best two are compared
on all rows.
"""

import concurrent.futures
import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split

FOLDS = 5
SEED = 7
SCREEN_ROWS = 25_000
ONE_HOT_MAX = 64
MANY_CATEGORIES = 30
SMOOTHING = 20
MISSING = ["unknown", "-", " "]  # beside those pandas knows; found by looking at the table
BASE = {"objective": "binary:logistic", "tree_method": "hist", "eval_metric": "logloss", "seed": SEED}


def setting(depth, eta, child, subsample, columns, penalty):
    return {"max_depth": depth, "eta": eta, "min_child_weight": child, "subsample": subsample,
            "colsample_bytree": columns, "lambda": penalty}


GRID = [
    setting(1, 0.1, 1, 1.0, 1.0, 1),
    setting(2, 0.05, 5, 0.8, 0.6, 5),
    setting(3, 0.03, 5, 0.8, 0.6, 5),
    setting(3, 0.03, 1, 0.8, 0.4, 10),
    setting(4, 0.03, 5, 0.8, 0.5, 3),
    setting(5, 0.03, 10, 0.8, 0.5, 5),
    setting(6, 0.03, 3, 0.8, 0.7, 2),
]
ROUNDS = 3000
PATIENCE = 60


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pd.read_csv(path, na_values=MISSING, skipinitialspace=True)
        for name in frame.columns.drop(["customer_id", "churned"]):
            if frame[name].dtype == object and frame[name].str.match(r"\d{4}-\d\d-\d\d$").all():
                frame[name] = (pd.to_datetime(frame[name]) - pd.Timestamp("2020-01-01")).dt.days
    return frame


class Encoder:
    """Fitted on some rows; makes a float matrix of any."""

    def __init__(self, frame, label, by_means):
        self.rate = label.mean()
        self.steps = []
        for name in frame.columns:
            column = frame[name]
            if column.dtype != object:
                self.steps.append((name, "number", None))
            elif by_means and column.nunique() > MANY_CATEGORIES:
                self.steps.append((name, "means", self.means(column, label)))
            else:
                self.steps.append((name, "one-hot", column.value_counts().index[:ONE_HOT_MAX]))

    def means(self, column, label):
        groups = pd.Series(label).groupby(column.to_numpy())
        return (groups.sum() + SMOOTHING * self.rate) / (groups.count() + SMOOTHING)

    def apply(self, frame, replaced=None):
        """`replaced`: {column: values} for rows the encoder was fitted on."""
        parts = []
        for name, kind, fitted in self.steps:
            if kind == "number":
                parts.append(frame[name].to_numpy(np.float32)[:, None])
            elif kind == "means":
                values = replaced[name] if replaced else frame[name].map(fitted).fillna(self.rate)
                parts.append(np.asarray(values, np.float32)[:, None])
            else:
                codes = fitted.get_indexer(frame[name])
                block = np.zeros((len(frame), len(fitted)), np.float32)
                rows = np.flatnonzero(codes >= 0)
                block[rows, codes[rows]] = 1
                parts.append(block)
        return np.hstack(parts)

    def apply_to_fitted(self, frame, label):
        """Target means of these rows come from the other four fifths of them."""
        columns = [name for name, kind, _ in self.steps if kind == "means"]
        replaced = {name: np.empty(len(frame)) for name in columns}
        if columns:
            for rest, part in StratifiedKFold(5, shuffle=True, random_state=SEED).split(frame, label):
                for name in columns:
                    means = self.means(frame[name].iloc[rest], label[rest])
                    replaced[name][part] = frame[name].iloc[part].map(means).fillna(self.rate)
        return self.apply(frame, replaced)


def encode_fold(frame, label, train, test, by_means):
    """(inner training, watched by early stopping, test) as XGBoost's matrices."""
    inner, watched = train_test_split(train, test_size=1 / 6, stratify=label[train], random_state=SEED)
    encoder = Encoder(frame.iloc[inner], label[inner], by_means)
    fitted = encoder.apply_to_fitted(frame.iloc[inner], label[inner])
    return [xgboost.DMatrix(values, label[rows], nthread=1)
            for values, rows in ((fitted, inner), (encoder.apply(frame.iloc[watched]), watched),
                                 (encoder.apply(frame.iloc[test]), test))]


class Search:
    """Cross-validates settings on the same folds, several fits at a time, one thread each."""

    def __init__(self, frame, label, pool, seed):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        self.frame, self.label, self.pool = frame, label, pool
        self.splits = list(folds.split(frame, label))
        self.matrices = {}

    def encoded(self, by_means):
        if by_means not in self.matrices:
            jobs = [self.pool.submit(encode_fold, self.frame, self.label, train, test, by_means)
                    for train, test in self.splits]
            self.matrices[by_means] = [job.result() for job in jobs]
        return self.matrices[by_means]

    def auc(self, candidates):
        """Mean AUC over the folds of each candidate (setting, by_means)."""
        jobs = [[self.pool.submit(fit_and_judge, params, *matrices) for matrices in self.encoded(by_means)]
                for params, by_means in candidates]
        return [float(np.mean([job.result() for job in of_candidate])) for of_candidate in jobs]


def fit_and_judge(params, inner, watched, test):
    booster = xgboost.train(BASE | params | {"nthread": 1}, inner, ROUNDS, evals=[(watched, "watched")],
                            early_stopping_rounds=PATIENCE, verbose_eval=False)
    scores = booster.predict(test, iteration_range=(0, booster.best_iteration + 1))
    return roc_auc_score(test.get_label(), scores)


def main():
    path, ids, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    start = time.perf_counter()
    frame = read(path)
    with open(ids, encoding="utf-8") as file:
        frame = frame[frame["customer_id"].isin(set(file.read().split()))].reset_index(drop=True)
    label = (frame.pop("churned") == "yes").to_numpy().astype(int)
    frame = frame.drop(columns="customer_id")
    texts = frame.select_dtypes(object)
    encodings = [False, True] if len(texts.columns) and texts.nunique().max() > MANY_CATEGORIES else [False]
    candidates = [(params, by_means) for by_means in encodings for params in GRID]

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        search = Search(frame, label, pool, SEED)
        if len(frame) > SCREEN_ROWS:
            few = train_test_split(np.arange(len(frame)), train_size=SCREEN_ROWS, stratify=label,
                                   random_state=SEED)[0]
            sample = Search(frame.iloc[few].reset_index(drop=True), label[few], pool, SEED)
            screened = sample.auc(candidates)
            candidates = [candidates[i] for i in np.argsort(screened)[::-1][:2]]
        aucs = search.auc(candidates)
        best = int(np.argmax(aucs))
        seconds = time.perf_counter() - start
        # The same again for someone who knew the answer: what one cross-validation costs, and a
        # second opinion on other folds, which the choice could not fit itself to.
        start = time.perf_counter()
        other = Search(frame, label, pool, SEED + 1).auc([candidates[best]])[0]
        once = time.perf_counter() - start
    print(json.dumps({"rows": len(frame), "cv_auc_mean": aucs[best], "cv_auc_other_folds": other,
                      "setting": candidates[best][0], "target_means": candidates[best][1],
                      "seconds": seconds, "seconds_once": once}))


if __name__ == "__main__":
    main()
