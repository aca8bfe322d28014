"""What the stacks share: where things are, and how the model encodes a row of features."""

import json
import os
import pathlib

REPOSITORY = pathlib.Path(os.environ["STACK_REPOSITORY"])  # Feast's, made by prepare.py
MODEL = pathlib.Path(os.environ["STACK_MODEL"])  # an MLflow model folder of Tenure's
REDIS_PORT = int(os.environ["STACK_REDIS_PORT"])
FEATURES = json.loads((REPOSITORY / "features.json").read_text())  # "view:feature"


def transform():
    """Inputs and output columns of the fitted transformation."""
    found = json.loads((MODEL / "transform.json").read_text())
    known = {"name", "type", "categories", "other", "log", "fill", "mean", "deviation"}
    for one in found["inputs"]:
        is_plain = set(one) <= known and not one.get("other") and not one.get("log")
        if not is_plain or one.get("deviation") or one.get("fill") is not None or found["crosses"]:
            raise ValueError(f"input {one['name']}: only one-hot codes and plain numbers are written here")
    return found["inputs"], found["outputs"]
