"""Loads a project's table into Redis: through Feast, and packed.

    python prepare.py TABLE_PARQUET VIEWS_JSON

TABLE_PARQUET holds the cleaned table, VIEWS_JSON {view: [feature, ...]}. STACK_* name the rest; see stack.py.
"""

import datetime
import json
import os
import pathlib
import sys

import numpy as np
import pandas as pd
import redis
import yaml
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

TYPES = {"text": String, "integer": Int64, "number": Float64}


def write_repository(repository, port):
    repository.mkdir(parents=True)
    (repository / "feature_store.yaml").write_text(yaml.safe_dump({
        "project": "churn", "provider": "local", "registry": str(repository / "registry.db"),
        "online_store": {"type": "redis", "connection_string": f"127.0.0.1:{port}"},
        "offline_store": {"type": "file"}, "entity_key_serialization_version": 3,
    }))


def load_feast(repository, table, views, types):
    now = datetime.datetime.now(datetime.timezone.utc)
    source_path = repository / "table.parquet"
    table.assign(event_timestamp=now - datetime.timedelta(hours=1)).to_parquet(source_path)
    source = FileSource(path=str(source_path), timestamp_field="event_timestamp")
    customer = Entity(name="customer", join_keys=["customerID"], value_type=ValueType.STRING)
    store = FeatureStore(repo_path=str(repository))
    store.apply([customer] + [
        FeatureView(name=view, entities=[customer], source=source,
                    schema=[Field(name=name, dtype=TYPES[types[name]]) for name in names])
        for view, names in views.items()
    ])
    store.materialize(now - datetime.timedelta(days=1), now)
    features = [f"{view}:{name}" for view, names in views.items() for name in names]
    (repository / "features.json").write_text(json.dumps(features))


def load_packed(port, table, inputs, columns):
    encoded = np.zeros((len(table), len(columns)), dtype=np.float32)
    place = {name: i for i, name in enumerate(columns)}
    for one in inputs:
        values = table[one["name"]]
        if one["type"] != "text":
            encoded[:, place[one["name"]]] = values.astype("float32")
            continue
        for text in one["categories"]:
            encoded[:, place[f"{one['name']}={text}"]] = values == text
    client = redis.Redis(port=port)
    for begin in range(0, len(table), 1000):
        rows = zip(table["customerID"][begin:begin + 1000], encoded[begin:begin + 1000])
        client.mset({f"packed:{key}": row.tobytes() for key, row in rows})


def main():
    table = pd.read_parquet(sys.argv[1])
    views = json.loads(pathlib.Path(sys.argv[2]).read_text())
    repository, port = pathlib.Path(os.environ["STACK_REPOSITORY"]), int(os.environ["STACK_REDIS_PORT"])
    write_repository(repository, port)
    (repository / "features.json").write_text("[]")
    from stack import transform  # reads the environment and the repository

    inputs, columns = transform()
    load_feast(repository, table, views, {one["name"]: one["type"] for one in inputs})
    load_packed(port, table, inputs, columns)


if __name__ == "__main__":
    main()
