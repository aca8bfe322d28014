"""MLflow's own server and ours, asked the same: answers are compared field by field."""
import contextlib
import http.client
import json
import re
import urllib.parse

from mlflow_server import mlflow_server
from tenure_process import TrackingServer, exchange

ID = re.compile(r"[0-9a-f]{32}")
MADE_UP_NAME = re.compile(r"[a-z]+-[a-z]+-\d+")
# Written by the clock: both have some number there.
TIMES = {"creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp", "creation_timestamp_ms",
         "last_updated_timestamp_ms"}
# Only some releases have these, or only we tell them: what the error's class is, who registered a version, which
# aliases a version found by a search has.
EXTRA = {"sqlstate", "error_class", "outputs", "workspace", "effective_trace_archival_retention", "user_id", "aliases"}
# Lists whose order means nothing.
SETS = {"tags", "params", "metrics", "aliases", "latest_versions"}


class ServerPair:
    """Sends each request to both. Ids that theirs makes up stand for those that ours makes up in its place."""

    def __init__(self, python, folder):
        self.python, self.folder = python, folder
        self.ours_for = {}
        self.differences = []
        self.requests = 0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for name in ("ours", "theirs"):
                (self.folder / name).mkdir()
            place = self.folder / "theirs"
            address = stack.enter_context(mlflow_server(self.python, f"sqlite:///{place}/mlflow.db", place))
            self.theirs = int(address.rsplit(":", 1)[1])
            self.ours = stack.enter_context(TrackingServer(self.folder / "ours")).port
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def get(self, path, prefix="/api", **query):
        return self.call("GET", path, None, query, prefix)

    def post(self, path, body, prefix="/api"):
        return self.call("POST", path, body, None, prefix)

    def call(self, method, path, body=None, query=None, prefix="/api"):
        """The answer of MLflow's server; what ours says otherwise is noted in `differences`."""
        self.requests += 1
        their_status, theirs = send(self.theirs, method, path, body, query, prefix)
        our_status, ours = send(self.ours, method, self.translated(path), self.translated(body), self.translated(query),
                                prefix)
        found = [] if their_status == our_status else [f"status {their_status}, ours {our_status}"]
        self.compare(theirs, ours, "", "", found)
        if found:
            asked = f"{method} {path} {json.dumps(body or query)}"
            self.differences.append("\n    ".join([asked[:300], *found[:4]]))
        return theirs

    def translated(self, value):
        if isinstance(value, str):
            return ID.sub(lambda match: self.ours_for.get(match[0], match[0]), value)
        if isinstance(value, list):
            return [self.translated(item) for item in value]
        if isinstance(value, dict):
            return {key: self.translated(item) for key, item in value.items()}
        return value

    def compare(self, theirs, ours, where, key, found):
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for name in sorted(theirs.keys() | ours.keys()):
                if name in theirs and name in ours:
                    self.compare(theirs[name], ours[name], f"{where}.{name}", name, found)
                elif name not in EXTRA and theirs.get(name) != "":
                    side, value = ("theirs", theirs[name]) if name in theirs else ("ours", ours[name])
                    found.append(f"{where}.{name}: only {side}: {str(value)[:200]}")
        elif isinstance(theirs, list) and isinstance(ours, list):
            if key in SETS:
                theirs, ours = sorted(theirs, key=identity), sorted(ours, key=identity)
            if len(theirs) != len(ours):
                found.append(f"{where}: {len(theirs)} items, ours {len(ours)}")
            for i, (one, other) in enumerate(zip(theirs, ours)):
                self.compare(one, other, f"{where}[{i}]", key, found)
        elif not self.is_same(theirs, ours, key):
            found.append(f"{where}: {str(theirs)[:300]!r}, ours {str(ours)[:300]!r}")

    def is_same(self, theirs, ours, key):
        if key in TIMES:
            return isinstance(theirs, int) and isinstance(ours, int)
        if not isinstance(theirs, str) or not isinstance(ours, str):
            return type(theirs) is type(ours) and theirs == ours
        if self.translated(theirs) == ours or key == "next_page_token":
            return True
        if theirs.startswith("[{") and ours.startswith("[{"):
            return self.translated(json.loads(theirs)) == json.loads(ours)
        if key == "message":
            return words(self.translated(theirs)) == words(ours)
        if MADE_UP_NAME.fullmatch(theirs) and MADE_UP_NAME.fullmatch(ours):
            return True
        if ID.sub("#", theirs) != ID.sub("#", ours):
            return False
        return all(self.ours_for.setdefault(one, other) == other
                   for one, other in zip(ID.findall(theirs), ID.findall(ours)))


def send(port, method, path, body, query, prefix):
    target = f"{prefix}/2.0/mlflow/{path}" + (f"?{urllib.parse.urlencode(query, doseq=True)}" if query else "")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    return exchange(connection, method, target, body, {} if body is None else {"Content-Type": "application/json"})


def identity(item):
    return json.dumps([item.get(name) for name in ("key", "alias", "version")]) if isinstance(item, dict) else item


def words(message):
    """A message without what differs from run to run or should not be there: the order of Python's sets, SQL."""
    ordered = re.sub(r"\{('[^{}]*')\}", lambda match: ", ".join(sorted(match[1].split(", "))), message)
    return ordered.split(" Error: (")[0]
