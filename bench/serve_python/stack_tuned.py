"""FastAPI + Feast with what a good engineer changes: no DataFrame, codes from a table, the Booster itself."""

import numpy as np
import xgboost
from fastapi import FastAPI
from fastapi.responses import ORJSONResponse
from feast import FeatureStore
from pydantic import BaseModel

from stack import FEATURES, MODEL, REPOSITORY, transform

app = FastAPI(default_response_class=ORJSONResponse)
store = FeatureStore(repo_path=str(REPOSITORY))
booster = xgboost.Booster({"nthread": 1})
booster.load_model(str(MODEL / "model.ubj"))
inputs, columns = transform()
place = {name: i for i, name in enumerate(columns)}
numbers = [(one["name"], place[one["name"]]) for one in inputs if one["type"] != "text"]
codes = [
    (one["name"], {text: place[f"{one['name']}={text}"] for text in one["categories"]})
    for one in inputs
    if one["type"] == "text"
]


class Customer(BaseModel):
    customer_id: str


@app.get("/ready")
async def ready():
    return {"status": "ok"}


@app.post("/predict")
async def predict(customer: Customer):
    features = store.get_online_features(
        features=FEATURES, entity_rows=[{"customerID": customer.customer_id}]
    ).to_dict()
    row = np.zeros((1, len(columns)), dtype=np.float32)
    for name, i in numbers:
        row[0, i] = features[name][0]
    for name, table in codes:
        i = table.get(features[name][0])
        if i is not None:
            row[0, i] = 1
    return {"customer_id": customer.customer_id, "probability": float(booster.inplace_predict(row)[0])}
