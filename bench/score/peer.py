"""Scores a Parquet file with pyarrow and xgboost, as well as Python can.

    python peer.py MODEL_FOLDER IN.parquet OUT.parquet THREADS
"""

import json
import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xgboost

BATCH_ROWS = 131_072


def encode(batch, inputs, place):
    table = np.zeros((batch.num_rows, len(place)), dtype=np.float32)
    every = np.arange(batch.num_rows)
    for one in inputs:
        column = batch.column(one["name"])
        if one["type"] != "text":
            table[:, place[one["name"]]] = column.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
            continue
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        where = {text: place[f"{one['name']}={text}"] for text in one["categories"]}
        codes = np.array([where.get(text, -1) for text in column.dictionary.to_pylist()] + [-1])
        outputs = codes[pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)]
        known = outputs >= 0
        table[every[known], outputs[known]] = 1
    return table


def main():
    model, source, target = (pathlib.Path(text) for text in sys.argv[1:4])
    transform = json.loads((model / "transform.json").read_text())
    place = {name: i for i, name in enumerate(transform["outputs"])}
    facts = json.loads((model / "model.json").read_text())
    booster = xgboost.Booster({"nthread": int(sys.argv[4])})
    booster.load_model(str(model / "model.ubj"))
    names = [one["name"] for one in transform["inputs"]]
    texts = [one["name"] for one in transform["inputs"] if one["type"] == "text"]
    file = pq.ParquetFile(source, read_dictionary=texts)
    schema = pa.schema([("customerID", pa.string()), ("probability", pa.float64()), ("decision", pa.string()),
                        ("model_version", pa.int64())])
    with pq.ParquetWriter(target, schema) as writer:
        for batch in file.iter_batches(BATCH_ROWS, columns=["customerID", *names]):
            probability = booster.inplace_predict(encode(batch, transform["inputs"], place))
            words = np.where(probability >= facts["threshold"], facts["positive"], facts["negative"])
            rows = [batch.column("customerID"), pa.array(probability.astype(np.float64)),
                    pa.array(words), pa.array(np.ones(batch.num_rows, dtype=np.int64))]
            writer.write_table(pa.table(rows, schema=schema))


if __name__ == "__main__":
    main()
