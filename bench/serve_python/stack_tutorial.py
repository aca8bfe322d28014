"""FastAPI + Feast + MLflow pyfunc, as guides write it."""

import mlflow.pyfunc
import pandas as pd
from fastapi import FastAPI
from feast import FeatureStore
from pydantic import BaseModel

from stack import FEATURES, MODEL, REPOSITORY, transform

app = FastAPI()
store = FeatureStore(repo_path=str(REPOSITORY))
model = mlflow.pyfunc.load_model(str(MODEL))
inputs, columns = transform()
texts = [one["name"] for one in inputs if one["type"] == "text"]
names = [one["name"] for one in inputs]


class Customer(BaseModel):
    customer_id: str


@app.get("/ready")
def ready():
    return {"status": "ok"}


@app.post("/predict")
def predict(customer: Customer):
    features = store.get_online_features(
        features=FEATURES, entity_rows=[{"customerID": customer.customer_id}]
    ).to_dict()
    rows = pd.DataFrame(features)[names]
    encoded = pd.get_dummies(rows, columns=texts, prefix_sep="=")
    encoded = encoded.reindex(columns=columns, fill_value=0).astype("float32")
    return {"customer_id": customer.customer_id, "probability": float(model.predict(encoded)[0])}
