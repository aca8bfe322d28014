#!/usr/bin/env python3
"""Makes churn tables of different character, the same ones every time.

    tables.py FOLDER [NAME...]

Writes FOLDER/NAME.csv with columns `customer_id`, features and `churned` (yes, no), and prints one JSON
object: {NAME: {"rows", "columns", "rate", "best_auc"}}. `best_auc` is the AUC of the probabilities that
the labels were drawn from: no model can do better but by luck.
"""

import json
import pathlib
import sys
import zlib

import numpy as np
import pandas as pd



class Maker:
    """One table while it grows: its columns, and the log odds of each row."""

    def __init__(self, name, rows):
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.rows = rows
        self.columns = {}
        self.odds = np.zeros(rows)

    def number(self, name, weight=0.0, digits=2):
        """A column of one of four shapes by turns; its standard score counts `weight`."""
        shape = len(self.columns) % 4
        if shape == 0:
            values = self.random.normal(50, 15, self.rows)
        elif shape == 1:
            values = self.random.gamma(2, 20, self.rows)
        elif shape == 2:
            values = self.random.integers(0, 73, self.rows).astype(float)
        else:
            values = self.random.lognormal(3, 0.8, self.rows)
        values = values.round(0 if shape == 2 else digits)
        score = (values - values.mean()) / values.std()
        self.odds += weight * np.clip(score, -3, 3)
        self.columns[name] = values.astype(int) if shape == 2 else values
        return score

    def category(self, name, count, weight=0.0):
        """A text column with `count` values, the first ones frequent; each has an effect of its own."""
        share = 1 / (np.arange(count) + 2)
        codes = self.random.choice(count, self.rows, p=share / share.sum())
        self.odds += (weight * self.random.normal(0, 1, count))[codes]
        self.columns[name] = np.array([f"{name}_{i}" for i in range(count)], dtype=object)[codes]
        return codes

    def mixture(self, numbers, categories, weight=0.0, prefix=""):
        """Many columns of one strength, the signs by turns."""
        for i in range(numbers):
            self.number(f"{prefix}amount_{i}", weight * (1 if i % 2 else -1))
        for i in range(categories):
            self.category(f"{prefix}kind_{i}", 2 + i % 6, weight)

    def blank(self, name, share, word, weight=0.0):
        """Replaces a share of a column by a word for missing; being missing counts `weight`."""
        hidden = self.random.random(self.rows) < share
        texts = np.array([str(value) for value in self.columns[name]], dtype=object)
        texts[hidden] = word
        self.columns[name] = texts
        self.odds += weight * hidden

    def table(self, rate):
        """The finished frame, with the share `rate` of churners, and the AUC of the true odds."""
        low, high = -30.0, 30.0
        for _ in range(60):
            middle = (low + high) / 2
            too_many = (1 / (1 + np.exp(-(self.odds + middle)))).mean() > rate
            low, high = (low, middle) if too_many else (middle, high)
        chance = 1 / (1 + np.exp(-(self.odds + middle)))
        label = self.random.random(self.rows) < chance
        frame = pd.DataFrame(self.columns)
        ids = self.random.permutation(self.rows) + 100_000
        frame.insert(0, "customer_id", [f"C{i}" for i in ids])
        frame["churned"] = np.where(label, "yes", "no")
        return frame, area(label, chance)


def area(label, score):
    """Area under the ROC curve by mean ranks."""
    ranks = pd.Series(score).rank().to_numpy()
    positives = label.sum()
    negatives = len(label) - positives
    return float((ranks[label].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def additive():
    m = Maker("additive", 3000)
    m.mixture(7, 5, 0.45)
    return m.table(0.26)


def interactions():
    m = Maker("interactions", 10_000)
    a, b, c, d = (m.number(f"usage_{i}") for i in range(4))
    plan = m.category("plan", 4)
    region = m.category("region", 6)
    m.odds += 1.4 * a * b * (plan < 2) + 2.0 * ((c > 0.3) & (d < 0)) - 1.5 * ((a > 0) & (region == 1))
    m.odds += 1.2 * np.sin(2 * c) * (plan == 0)
    m.mixture(4, 5, 0.15)
    return m.table(0.17)


def categories():
    m = Maker("categories", 12_000)
    m.category("city", 800, 0.6)
    m.category("tariff", 250, 0.6)
    m.category("branch", 60, 0.5)
    m.mixture(7, 4, 0.3)
    return m.table(0.20)


def weak():
    m = Maker("weak", 6000)
    m.mixture(10, 6, 0.13)
    m.mixture(2, 0, 0.0, "other_")
    return m.table(0.30)


def rare():
    m = Maker("rare", 30_000)
    m.mixture(6, 4, 0.35)
    a, b = m.number("balance"), m.number("calls")
    m.odds += 1.2 * ((a < -0.5) & (b > 0.5))
    m.mixture(2, 2, 0.0, "other_")
    return m.table(0.02)


def even():
    m = Maker("even", 5000)
    m.mixture(12, 8, 0.25)
    a, b = m.number("visits"), m.number("orders")
    m.odds += 0.8 * np.abs(a) - 0.7 * a * b
    m.mixture(2, 1, 0.0, "other_")
    return m.table(0.50)


def large():
    m = Maker("large", 100_000)
    m.mixture(8, 6, 0.25)
    a, b, c = (m.number(f"usage_{i}") for i in range(3))
    m.category("shop", 120, 0.4)
    m.odds += 0.7 * a * b + 1.1 * ((b > 0) & (c > 0.5)) + 0.8 * np.sin(2 * a)
    m.mixture(1, 1, 0.0, "other_")
    return m.table(0.12)


def wide():
    m = Maker("wide", 15_000)
    m.mixture(8, 4, 0.3)
    a, b, c = (m.number(f"usage_{i}") for i in range(3))
    m.odds += 0.6 * a * b + 0.9 * (c > 1)
    m.mixture(33, 12, 0.0, "other_")
    return m.table(0.15)


def blanks():
    m = Maker("blanks", 7000)
    m.mixture(9, 7, 0.3)
    words = (" ", "NA", "", "unknown", "n/a", "-")
    for i, name in enumerate(list(m.columns)[:12]):
        m.blank(name, 0.04 * (1 + i % 5), words[i % len(words)], 0.5 if i % 3 == 0 else 0.0)
    return m.table(0.27)


def dates():
    m = Maker("dates", 9000)
    m.mixture(7, 5, 0.3)
    days = m.random.integers(0, 2500, m.rows)
    months = (days // 30).astype(int)
    signup = np.datetime64("2025-06-30") - days.astype("timedelta64[D]")
    m.columns["signup_date"] = signup.astype(str)
    m.columns["months"] = months
    m.odds += -0.9 * np.log1p(months) + 0.5 * (months % 12 == 11)
    return m.table(0.22)


TABLES = {f.__name__: f for f in (additive, interactions, categories, weak, rare, even, large, wide,
                                  blanks, dates)}


def main():
    folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:] or list(TABLES)
    facts = {}
    for name in names:
        frame, best = TABLES[name]()
        frame.to_csv(folder / f"{name}.csv", index=False)
        facts[name] = {"rows": len(frame), "columns": frame.shape[1] - 2,
                       "rate": round(float((frame["churned"] == "yes").mean()), 4),
                       "best_auc": round(best, 4)}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
