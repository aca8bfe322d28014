#!/usr/bin/env python3
"""Turns the Telco CSV into the numeric matrix that bench_bare_xgboost trains on.

    prepare_matrix.py SOURCE.csv MATRIX.csv [--id COLUMN] [--label COLUMN] [--positive TEXT]

One-hot for text columns, numbers as they are, a blank number as 0 (in Telco only TotalCharges of new
customers is blank). Column `fold`: -1 for a stratified fifth held out, 0 to 4 for the folds of the
rest. Python's standard library only, so that the floor needs no environment.
"""

import argparse
import csv
import random
import sys

FOLDS = 5
SEED = 42


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


def assign_folds(labels):
    """Stratified: each class is shuffled, a fifth goes to the test set, the rest is dealt out."""
    generator = random.Random(SEED)
    folds = [0] * len(labels)
    for value in (0, 1):
        rows = [i for i, label in enumerate(labels) if label == value]
        generator.shuffle(rows)
        test_count = round(len(rows) * 0.2)
        for position, row in enumerate(rows):
            folds[row] = -1 if position < test_count else position % FOLDS
    return folds


def encode(rows, columns):
    """Names and values of the encoded columns, column by column."""
    names, encoded = [], []
    for column in columns:
        texts = [row[column].strip() for row in rows]
        if all(is_number(text) for text in texts if text):
            names.append(column)
            encoded.append([text or "0" for text in texts])
            continue
        for category in sorted(set(texts)):
            names.append(f"{column}={category}")
            encoded.append(["1" if text == category else "0" for text in texts])
    return names, encoded


def prepare(source, target, id_column, label_column, positive):
    with open(source, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        header = reader.fieldnames or []
    for column in (id_column, label_column):
        if column not in header:
            sys.exit(f"{source}: no column '{column}'; there are {', '.join(header)}")
    labels = [1 if row[label_column] == positive else 0 for row in rows]
    if len(set(labels)) != 2:
        sys.exit(f"{source}: '{label_column}' is '{positive}' in all rows or in none")
    folds = assign_folds(labels)
    names, encoded = encode(rows, [c for c in header if c not in (id_column, label_column)])
    with open(target, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["fold", "label", *(name.replace(",", ";") for name in names)])
        writer.writerows(zip(folds, labels, *encoded))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--id", default="customerID")
    parser.add_argument("--label", default="Churn")
    parser.add_argument("--positive", default="Yes")
    given = parser.parse_args()
    prepare(given.source, given.target, given.id, given.label, given.positive)


if __name__ == "__main__":
    main()
