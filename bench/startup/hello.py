"""The peer of bench/startup: the smallest FastAPI service there is, without model or features."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/ready")
def ready():
    return {"status": "ready"}


@app.post("/predict")
def predict(body: dict):
    return {"customer_id": body.get("customer_id"), "probability": 0.5}
