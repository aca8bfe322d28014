"""The strongest Python we could write: a bare ASGI application that answers waiting requests together.

Rows are encoded beforehand and packed as float32 in Redis. Requests that arrive while the event loop is busy
wait in a list; one MGET and one inplace_predict then answer all of them.
"""

import asyncio

import hiredis
import numpy as np
import orjson
import xgboost

from stack import MODEL, REDIS_PORT

HEADERS = [(b"content-type", b"application/json")]
booster = xgboost.Booster({"nthread": 1})
booster.load_model(str(MODEL / "model.ubj"))


class Redis(asyncio.Protocol):
    """One connection; replies come in the order of the commands."""

    def __init__(self):
        self.reader = hiredis.Reader()
        self.waiting = asyncio.Queue()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.reader.feed(data)
        while (reply := self.reader.gets()) is not False:
            self.waiting.get_nowait().set_result(reply)

    def rows(self, ids):
        answer = asyncio.get_running_loop().create_future()
        self.waiting.put_nowait(answer)
        self.transport.write(hiredis.pack_command((b"MGET", *[b"packed:" + key for key in ids])))
        return answer


class Batch:
    """Requests that wait for the next look-up."""

    def __init__(self):
        self.redis = None
        self.waiting = []
        self.is_scheduled = False

    async def answer_all(self):
        if self.redis is None:
            loop = asyncio.get_running_loop()
            _, self.redis = await loop.create_connection(Redis, "127.0.0.1", REDIS_PORT)
        waiting, self.waiting, self.is_scheduled = self.waiting, [], False
        rows = await self.redis.rows([key for key, _ in waiting])
        table = np.frombuffer(b"".join(rows), dtype=np.float32).reshape(len(rows), -1)
        for (_, future), probability in zip(waiting, booster.inplace_predict(table).tolist()):
            future.set_result(probability)

    def probability(self, key):
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.waiting.append((key, future))
        if not self.is_scheduled:
            self.is_scheduled = True
            loop.call_soon(lambda: loop.create_task(self.answer_all()))
        return future


batch = Batch()


async def body_of(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    answer = b'{"status":"ok"}'
    if scope["path"] == "/predict":
        key = orjson.loads(await body_of(receive))["customer_id"]
        answer = orjson.dumps({"customer_id": key, "probability": await batch.probability(key.encode())})
    await send({"type": "http.response.start", "status": 200,
                "headers": [*HEADERS, (b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})
