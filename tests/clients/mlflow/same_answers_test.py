"""Requests, good and bad, to MLflow's own server and to ours: the same answers, but for what docs/guide/mlflow.md lists."""
import unittest

from client_environment import MLFLOW, MLFLOW_3, client_python
from mlflow_server_pair import ServerPair
from tenure_process import temporary_folder

AT = 1700000000000


class SameAnswers2(unittest.TestCase):
    ENVIRONMENT = ("mlflow-2.22.2", MLFLOW)

    @classmethod
    def setUpClass(cls):
        name, requirements = cls.ENVIRONMENT
        python = client_python(name, *requirements)
        cls.pair = cls.enterClassContext(ServerPair(python, cls.enterClassContext(temporary_folder())))

    def setUp(self):
        self.get, self.post, self.call = self.pair.get, self.pair.post, self.pair.call
        self.pair.differences.clear()
        self.pair.requests = 0

    def tearDown(self):
        self.assertEqual(self.pair.differences, [], "\n".join(["", *self.pair.differences]))
        self.assertGreater(self.pair.requests, 0)

    def experiment(self, name):
        return self.post("experiments/create", {"name": name})["experiment_id"]

    def run_in(self, experiment, at, **fields):
        body = {"experiment_id": experiment, "start_time": AT + at, **fields}
        return self.post("runs/create", body)["run"]["info"]["run_id"]

    def test_experiments(self):
        self.get("experiments/get", experiment_id="0")
        first, second = self.experiment("e1"), self.experiment("e2")
        for body in ({"name": "e1"}, {"name": ""}, {"name": 5}, {"name": None}, {}, {"name": " spaces "}, {"name": "a/b"},
                     {"name": "tagged", "tags": [{"key": "a", "value": "b"}, {"key": "ü", "value": "日本"}]},
                     {"name": "s3", "artifact_location": "s3://bucket/x"},
                     {"name": "bad", "artifact_location": "s3://bucket/x?y=1#z"}):
            self.post("experiments/create", body)
        for experiment in (first, second, "99", "", "-1"):
            self.get("experiments/get", experiment_id=experiment)
        for name in ("Default", "e1", "nope", ""):
            self.get("experiments/get-by-name", experiment_name=name)
        for body in ({"new_name": "renamed"}, {}, {"new_name": ""}):
            self.post("experiments/update", {"experiment_id": first, **body})
        self.post("experiments/update", {"experiment_id": "77", "new_name": "q"})
        for tag in ({"key": "k", "value": "v"}, {"key": "k"}, {"key": "a*b", "value": "v"}, {"key": "k" * 251, "value": "v"},
                    {"key": "../x", "value": "v"}, {"key": "", "value": "v"}, {"key": "k", "value": "v" * 4000}):
            self.post("experiments/set-experiment-tag", {"experiment_id": first, **tag})
        for path in ("delete", "delete", "restore", "restore", "delete"):
            self.post(f"experiments/{path}", {"experiment_id": second})
        for path in ("delete", "restore"):
            self.post(f"experiments/{path}", {"experiment_id": "88"})
        self.get("experiments/get", experiment_id=second)
        self.post("experiments/create", {"name": "e2"})
        self.post("runs/create", {"experiment_id": second})
        for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3):
            self.post("experiments/search", {"max_results": 50, "view_type": view})
        for text in ("name = 's3'", "name LIKE 'e%'", "name ILIKE 'E%'", "tags.k = 'v'", "tags.a = 'b'", "name != 's3'",
                     "attribute.name = 's3'", "name = s3", "creation_time > 0", "last_update_time >= 5 AND name LIKE '%'",
                     "tags.`k` LIKE '%'", "name = 's3' OR name = 'e1'", "tag.a = 'b'", "name", "name =", "= 'x'",
                     "name = 's3' AND", "creation_time > 'x'", "name = 5", "tags.'k' = 'v'"):
            self.post("experiments/search", {"max_results": 50, "filter": text, "order_by": ["name"]})
        for order in ("name", "name DESC", "experiment_id DESC", "last_update_time", "foo", "name FOO", "name ASC DESC", ""):
            self.post("experiments/search", {"max_results": 50, "order_by": [order]})
        for count in (0, -1, 1, 2, 50001, "3", "x"):
            self.post("experiments/search", {"max_results": count, "order_by": ["experiment_id"]})
        self.post("experiments/search", {"max_results": 2, "page_token": "xx"})

    def test_runs_and_what_is_logged_one_by_one(self):
        experiment = self.experiment("runs")
        run = self.run_in(experiment, 0, user_id="u", tags=[{"key": "t1", "value": "v1"}])
        for body in ({"run_name": "named"}, {"run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
                     {"run_name": "a", "tags": [{"key": "mlflow.runName", "value": "a"}]},
                     {"tags": [{"key": "mlflow.user", "value": "me"}]}, {"tags": [{"key": "a*", "value": "b"}]}):
            self.post("runs/create", {"experiment_id": experiment, **body})
        self.post("runs/create", {"experiment_id": "999"})
        for query in ({"run_id": run}, {"run_uuid": run}, {"run_id": "nope"}, {"run_id": ""}):
            self.get("runs/get", **query)
        metric = {"key": "m", "value": 1, "timestamp": 1}
        for change in ({"value": 1.5, "step": 1}, {"value": "NaN", "step": 2}, {"value": "Infinity", "step": 3},
                       {"value": "-Infinity", "step": 4}, {"timestamp": 0}, {"timestamp": 9, "value": 3}, {"value": "x"},
                       {"value": None}, {"key": ""}, {"key": "a*b"}, {"key": "a/../b"}, {"key": "/a"}, {"key": "k" * 251},
                       {"key": "k" * 250}, {"timestamp": -1}, {"key": 5}, {"value": 1e308, "step": 7},
                       {"key": "deep/er/x.y z", "value": -0.0, "step": -5}, {"step": "3"}, {"step": "q"}, {"value": 1e-320},
                       {"value": 12345678901234567890}, {"timestamp": 2**63 - 1}, {"key": ".."}, {"key": "ü"}):
            self.post("runs/log-metric", {"run_id": run, **metric, **change})
        self.post("runs/log-metric", {"run_uuid": run, **metric, "key": "by uuid"})
        self.post("runs/log-metric", {"run_id": "nope", **metric})
        self.post("runs/log-metric", metric)
        for param in ({"key": "p", "value": "1"}, {"key": "p", "value": "1"}, {"key": "p", "value": "2"}, {"key": "q"},
                      {"key": "p2", "value": 5}, {"key": "p3", "value": "x" * 6001}, {"value": "1"}, {"key": "a*", "value": "1"},
                      {"key": "x/./y", "value": "1"}, {"key": "k" * 251, "value": "1"}, {"key": "p5", "value": ""},
                      {"key": "p6", "value": None}, {"key": "p7", "value": "日本"}):
            self.post("runs/log-parameter", {"run_id": run, **param})
        for tag in ({"key": "p", "value": "1"}, {"key": "p", "value": "2"}, {"key": "q"}, {"key": "p2", "value": 5},
                    {"key": "p3", "value": "x" * 8001}, {"value": "1"}, {"key": "a*", "value": "1"},
                    {"key": "mlflow.runName", "value": "newname"}, {"key": "mlflow.runName", "value": ""},
                    {"key": "mlflow.note.content", "value": "n"}, {"key": "k" * 251, "value": "1"}):
            self.post("runs/set-tag", {"run_id": run, **tag})
        for body in ({"run_id": run, "key": "p"}, {"run_id": run, "key": "p"}, {"run_id": run}, {"run_id": "nope", "key": "p"}):
            self.post("runs/delete-tag", body)
        self.get("runs/get", run_id=run)
        for body in ({"status": "FINISHED", "end_time": AT + 9999}, {"run_name": "again"}, {"status": 3}, {}, {"run_name": ""},
                     {"end_time": 5}, {"status": "RUNNING"}, {"status": "KILLED", "run_name": "fin"}):
            self.post("runs/update", {"run_id": run, **body})
        self.post("runs/update", {"run_id": "nope", "status": "FINISHED"})
        for path in ("delete", "delete"):
            self.post(f"runs/{path}", {"run_id": run})
        for path, body in (("log-metric", metric), ("log-parameter", {"key": "z", "value": "1"}), ("update", {}),
                           ("set-tag", {"key": "z", "value": "1"}), ("log-batch", {"metrics": [metric]}),
                           ("delete-tag", {"key": "t1"})):
            self.post(f"runs/{path}", {"run_id": run, **body})
        for path in ("restore", "restore"):
            self.post(f"runs/{path}", {"run_id": run})
        self.post("runs/restore", {"run_id": "nope"})
        self.get("runs/get", run_id=run)

    def test_batches_and_histories(self):
        run = self.run_in(self.experiment("batches"), 0, run_name="batches")

        def log(**body):
            self.post("runs/log-batch", {"run_id": run, **body})

        def metrics(count):
            return [{"key": "b", "value": i, "timestamp": i, "step": i} for i in range(count)]

        def pairs(letter, count):
            return [{"key": f"{letter}{i}", "value": str(i)} for i in range(count)]

        for body in ({}, {"metrics": []}, {"metrics": metrics(1000)}, {"metrics": metrics(1001)}, {"params": pairs("p", 100)},
                     {"params": pairs("p", 101)}, {"tags": pairs("t", 100)}, {"tags": pairs("t", 101)},
                     {"metrics": metrics(900), "params": pairs("p", 100), "tags": pairs("t", 1)},
                     {"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]},
                     {"params": [{"key": "p1", "value": "changed"}]}, {"params": [{"key": "p1", "value": "1"}]},
                     {"params": [{"key": "p1", "value": "c1"}, {"key": "p2", "value": "c2"}]},
                     {"tags": [{"key": "tt", "value": "1"}, {"key": "tt", "value": "2"}]},
                     {"metrics": [{"key": "b", "value": 1}]}, {"metrics": [{"key": "b", "timestamp": 1}]},
                     {"metrics": [{"value": 1, "timestamp": 1}]}, {"params": [{"value": "1"}]}, {"tags": [{"value": "1"}]},
                     {"params": [{"key": "x"}]}, {"tags": [{"key": "x"}]},
                     {"metrics": [{"key": "a*b", "value": 1, "timestamp": 1}]}, {"params": [{"key": "a*b", "value": "1"}]},
                     {"tags": [{"key": "a*b", "value": "1"}]}, {"metrics": "x"},
                     {"metrics": [{"key": "n", "value": "NaN", "timestamp": 1}, {"key": "n", "value": 1, "timestamp": 1},
                                  {"key": "n", "value": 5, "timestamp": 0}]},
                     {"metrics": [{"key": "n", "value": 1, "timestamp": 1}]},
                     {"metrics": [{"key": "b", "value": 1, "timestamp": -5}]},
                     {"params": [{"key": "long", "value": "x" * 6001}]}, {"tags": [{"key": "long", "value": "x" * 8001}]},
                     {"metrics": [{"key": "k" * 251, "value": 1, "timestamp": 1}]},
                     {"params": [{"key": "k" * 251, "value": "1"}]}, {"tags": [{"key": "k" * 251, "value": "1"}]}):
            log(**body)
        self.post("runs/log-batch", {"run_id": "nope", "metrics": metrics(1)})
        self.post("runs/log-batch", {"metrics": []})
        self.get("runs/get", run_id=run)
        for query in ({"metric_key": "b", "max_results": 25000}, {"metric_key": "nope", "max_results": 5},
                      {"metric_key": "n", "max_results": 10}, {}):
            self.get("metrics/get-history", run_id=run, **query)
        for query in ({"metric_key": "b", "max_results": 2500}, {"metric_key": "b", "start_step": 10},
                      {"metric_key": "b", "start_step": 20, "end_step": 10}, {"metric_key": "b", "max_results": 0},
                      {"metric_key": "b", "start_step": 10, "end_step": 20}, {"metric_key": "b", "max_results": 2501},
                      {"metric_key": "nope"}, {}):
            self.get("metrics/get-history-bulk-interval", run_ids=[run], **query)
        self.get("metrics/get-history-bulk-interval", run_ids=["x"] * 101, metric_key="b")
        for query in ({"metric_key": "b", "max_results": 5}, {"metric_key": "nope"}, {}):
            self.get("metrics/get-history-bulk", "/ajax-api", run_id=[run], **query)

    def test_data_sets_and_models_of_runs(self):
        experiment = self.experiment("inputs")
        run = self.run_in(experiment, 0, run_name="inputs")
        whole = {"name": "d", "digest": "x", "source_type": "local", "source": "s"}
        for datasets in ([{"dataset": whole, "tags": [{"key": "mlflow.data.context", "value": "training"}]}],
                         [{"dataset": {**whole, "schema": "{}", "profile": "{}"}}],
                         [{"dataset": {**whole, "name": "d2", "schema": "{}", "profile": "{\"a\":1}"}}], [], "x",
                         [{"dataset": {**whole, "name": "n" * 501}}], [{"dataset": {**whole, "digest": "y" * 37}}]):
            self.post("runs/log-inputs", {"run_id": run, "datasets": datasets})
        for body in ({"experiment_ids": [experiment]}, {}, {"experiment_ids": []}):
            self.post("experiments/search-datasets", body, "/ajax-api")
        model = '{"artifact_path":"m","flavors":{"f":{"config":1,"env":"e"}},"utc_time_created":"2020","run_id":"%s"}' % run
        for body in ({"model_json": "{}"}, {"model_json": "x"}, {}, {"model_json": model}, {"model_json": model},
                     {"model_json": '{"artifact_path":"m","flavors":{},"utc_time_created":"2020"}'}):
            self.post("runs/log-model", {"run_id": run, **body})
        self.get("runs/get", run_id=run)
        self.get("artifacts/list", run_id=run)
        for query in ({}, {"run_id": "nope"}, {"run_id": run, "path": "../x"}, {"run_id": run, "path": "/etc"}):
            self.call("GET", "artifacts/list", None, query)

    def test_searching_runs(self):
        experiment = self.experiment("search")
        self.assertTrue(experiment)
        run = self.run_in(experiment, 0, run_name="first", user_id="u", tags=[{"key": "t1", "value": "v1"}])
        other = self.run_in(experiment, 1, run_name="named")
        self.run_in(experiment, 2, run_name="third")
        self.post("runs/log-batch", {"run_id": run, "metrics": [{"key": k, "value": v, "timestamp": 1}
                                                                for k, v in (("m", 2.5), ("deep/er/x.y z", -1))],
                                     "params": [{"key": "p", "value": "1"}], "tags": [{"key": "a b", "value": "c"}]})
        self.post("runs/log-batch", {"run_id": other, "metrics": [{"key": "m", "value": -3, "timestamp": 1}],
                                     "params": [{"key": "p", "value": "10"}]})
        self.post("runs/log-inputs", {"run_id": run, "datasets": [
            {"dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "s"},
             "tags": [{"key": "mlflow.data.context", "value": "training"}]}]})
        for text in ("metrics.m > 1", "metrics.m = 'x'", "metrics.m <= -3", "params.p = '1'", "params.p = 1", "params.p LIKE '1%'",
                     "params.p ILIKE 'X%'", "tags.t1 = 'v1'", "tags.mlflow.runName = 'named'", "tags.`mlflow.runName` = 'named'",
                     "attributes.status = 'RUNNING'", "status = 'finished'", "attributes.run_name = 'named'",
                     "run_name ILIKE 'NAM%'", "attribute.`Run name` = 'named'", f"start_time > {AT}", "start_time > 'x'",
                     "end_time > 0", "attributes.artifact_uri LIKE '%'", "attributes.user_id = 'u'", "user_id = 'u'",
                     f"run_id = '{run}'", f"run_id IN ('{run}')", f"run_id NOT IN ('{run}')", "run_id IN ()", "run_id IN 'x'",
                     "attributes.run_id > 'a'", "metrics.m LIKE 'x'", "foo.bar = 1", "metrics.m", "tags.t1 != 'v1'",
                     "dataset.name = 'd'", "datasets.name = 'd'", "dataset.digest = 'x'", "dataset.context = 'training'",
                     "dataset.name LIKE 'd%'", "dataset.foo = 'x'", "metrics.m > 1 OR metrics.m < 1", "(metrics.m > 1)",
                     "metrics.`deep/er/x.y z` <= 0", "metrics.\"m\" > 2", "lifecycle_stage = 'active'",
                     "params.p = '1' and tags.t1 = 'v1'", "params.p='1'AND tags.t1='v1'", "metrics.m > -1e3", "metrics.m > 1.",
                     "metrics.m > .5", "params.p = \"1\"", "params.p = '", "run_name = ''", "tags.x = 'a' AND AND tags.y = 'b'",
                     f"start_time = {AT + 1}", "created > 1", "attributes.start_time != 5", "duration > 5", "metrics.nope != 1",
                     "params.nope != '1'", "tags.`a b` = 'c'"):
            self.post("runs/search", {"experiment_ids": [experiment], "filter": text, "order_by": ["attributes.start_time"]})
        for order in ("start_time", "attributes.start_time DESC", "metrics.m", "metrics.m DESC", "params.p", "params.`p` DESC",
                      "tags.t1", "run_name", "attributes.`Created`", "Created", "status", "end_time DESC", "foo", "metrics",
                      "params.p asc", "params.p ascending", "", "user_id", "metrics.x y", "tags.`mlflow.runName`", "1"):
            self.post("runs/search", {"experiment_ids": [experiment], "order_by": [order]})
        for count in (0, -1, 1, 50000, 50001, "2", "x"):
            self.post("runs/search", {"experiment_ids": [experiment], "max_results": count, "order_by": ["start_time"]})
        for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL"):
            self.post("runs/search", {"experiment_ids": [experiment], "run_view_type": view})
        for body in ({}, {"experiment_ids": []}, {"experiment_ids": ["99"]}, {"experiment_ids": [experiment], "page_token": "zz"},
                     {"experiment_ids": [experiment], "filter": 5}):
            self.post("runs/search", body)

    def test_registered_models_and_versions(self):
        info = self.post("runs/create", {"experiment_id": self.experiment("registry"), "start_time": AT, "run_name": "r"})
        run, root = info["run"]["info"]["run_id"], info["run"]["info"]["artifact_uri"]
        for body in ({"name": "m1"}, {"name": "m1"}, {"name": "m2", "description": "d", "tags": [{"key": "a", "value": "b"}]},
                     {"name": ""}, {}, {"name": 5}, {"name": "ü"}, {"name": "m3", "tags": [{"key": "a*", "value": "b"}]},
                     {"name": "m4", "tags": [{"key": "a", "value": "b"}, {"key": "a", "value": "c"}]}, {"name": " sp "},
                     {"name": "m5", "tags": [{"key": "a"}]}, {"name": "m6", "description": 5}, {"name": "M1"}):
            self.post("registered-models/create", body)
        for name in ("m1", "m2", "nope", "", "M1"):
            self.get("registered-models/get", name=name)
        for body in ({"source": f"{root}/model", "run_id": run}, {"source": "s3://b/p", "tags": [{"key": "t", "value": "v"}],
                                                                  "description": "vd", "run_link": "http://x"},
                     {"source": "s3://b/p", "run_id": ""}, {"name": "nope", "source": "s3://b/p"}, {}, {"source": ""},
                     {"source": "/etc/passwd"}, {"source": "file:///etc/passwd"}, {"source": "mlflow-artifacts:/1/../x"},
                     {"source": "s3://b/../p"}, {"source": "relative/path"}, {"source": 5},
                     {"source": "s3://b/p", "tags": [{"key": "a*", "value": "1"}]}):
            self.post("model-versions/create", {"name": "m1", **body})
        for version in ("1", "2", "3", "99", "x", "0", "-1", "01"):
            self.get("model-versions/get", name="m1", version=version)
            self.get("model-versions/get-download-uri", name="m1", version=version)
        for description in ("new", ""):
            self.call("PATCH", "registered-models/update", {"name": "m1", "description": description})
            self.call("PATCH", "model-versions/update", {"name": "m1", "version": "2", "description": description})
        self.call("PATCH", "registered-models/update", {"name": "nope"})
        self.call("PATCH", "model-versions/update", {"name": "nope", "version": "7"})
        for body in ({"stage": "staging"}, {"stage": "Production", "archive_existing_versions": True}, {"stage": "PRODUCTION"},
                     {"stage": "foo"}, {}, {"stage": "None"}, {"stage": "Archived"}, {"stage": "Staging", "version": "99"},
                     {"stage": "Staging", "version": "2", "archive_existing_versions": True},
                     {"stage": "Staging", "name": "nope"}):
            self.post("model-versions/transition-stage", {"name": "m1", "version": "1", **body})
        for stages in (["Staging"], ["staging", "Production"], ["foo"], ["None"], "Staging", ["Staging", "None"]):
            self.post("registered-models/get-latest-versions", {"name": "m1", "stages": stages})
        for alias in ("champion", "latest", "Latest", "v1", "V12", "a b", "a/b", "", "x" * 256, "1", "Champion", "ü"):
            self.post("registered-models/alias", {"name": "m1", "alias": alias, "version": "1"})
        for body in ({"alias": "champion", "version": "2"}, {"alias": "x", "version": "99"}, {"alias": "x", "version": "z"},
                     {"alias": "x"}, {"version": "1"}, {"name": "nope", "alias": "x", "version": "1"}):
            self.post("registered-models/alias", {"name": "m1", **body})
        for alias in ("champion", "nope", "", "Champion", "a.b"):
            self.get("registered-models/alias", name="m1", alias=alias)
        for body in ({"name": "m1", "alias": "champion"}, {"name": "m1", "alias": "champion"}, {"name": "nope", "alias": "x"}):
            self.call("DELETE", "registered-models/alias", body)
        for tag in ({"key": "k", "value": "v"}, {"key": "k"}, {"key": "a*", "value": "v"}, {"key": "k" * 251, "value": "v"},
                    {"value": "x"}, {"key": "k", "value": 5}):
            self.post("registered-models/set-tag", {"name": "m1", **tag})
            self.post("model-versions/set-tag", {"name": "m1", "version": "1", **tag})
        for name, key in (("m1", "zz"), ("nope", "zz"), ("m1", "k")):
            self.call("DELETE", "registered-models/delete-tag", {"name": name, "key": key})
            self.call("DELETE", "model-versions/delete-tag", {"name": name, "version": "1", "key": key})
        for text in ("name = 'm1'", "name LIKE 'm%'", "name ILIKE 'M%'", "name != 'm1'", "tags.a = 'b'", "tags.a != 'b'",
                     "tags.a LIKE 'b%'", "name > 'm'", "foo = 'x'", "name = m1", "name = 'm1' AND tags.k = 'v'",
                     "name", "", "attribute.name = 'm1'", "tag.a = 'b'", "name = 5"):
            self.get("registered-models/search", filter=text, order_by=["name"])
        for text in ("name = 'm1'", "name LIKE 'm%'", f"run_id = '{run}'", f"run_id IN ('{run}')", "run_id IN ('a','b')",
                     "run_id IN ()", "source_path = 's3://b/p'", "source_path LIKE 's3%'", "version_number = 1",
                     "version_number > 1", "version_number <= '2'", "tags.t = 'v'", "tags.t != 'x'", "foo = 'x'",
                     "current_stage = 'Staging'", "name = 'm1' AND version_number = 2", "name > 'a'", "", "name",
                     "name = 'm1' and tags.t = 'v' and run_id = ''"):
            self.get("model-versions/search", filter=text, order_by=["name", "version_number"], max_results=100)
        for order in ("name", "name DESC", "timestamp", "foo", "name FOO", ""):
            self.get("registered-models/search", order_by=[order], max_results=100)
        for count in (1, 2, 1000, "x"):
            self.get("registered-models/search", max_results=count, order_by=["name"])
        self.get("registered-models/search", page_token="zz")
        for name, new_name in (("m2", "m1"), ("m2", "m22"), ("nope", "m23"), ("m22", ""), ("m1", "moved")):
            self.post("registered-models/rename", {"name": name, "new_name": new_name})
        self.get("model-versions/get", name="moved", version="1")
        for version in ("2", "2"):
            self.call("DELETE", "model-versions/delete", {"name": "moved", "version": version})
        self.post("model-versions/create", {"name": "moved", "source": "s3://b/p"})
        self.get("registered-models/get", name="moved")
        for name in ("m22", "m22"):
            self.call("DELETE", "registered-models/delete", {"name": name})


class SameAnswers3(SameAnswers2):
    ENVIRONMENT = ("mlflow-3.17.2", MLFLOW_3)

    def test_logged_models(self):
        experiment = self.experiment("logged models")
        run = self.run_in(experiment, 0, run_name="r")
        made = [self.post("logged-models", {"experiment_id": experiment, **body})["model"]["info"]["model_id"] for body in (
            {"name": "a"}, {"name": "c", "source_run_id": run}, {"name": "é"},
            {"name": "b", "model_type": "clf", "source_run_id": run, "params": [{"key": "p", "value": "1"}],
             "tags": [{"key": "t", "value": "x"}]})]
        first, second = made[0], made[3]
        for body in ({"name": "bad/name"}, {"name": 5}, {"experiment_id": "99"}, {"name": "j.k"}, {"params": "x"}):
            self.post("logged-models", {"experiment_id": experiment, **body})
        self.post("logged-models", {"name": "z"})
        for model in (first, second, "m-nope", "x"):
            self.get(f"logged-models/{model}")
        for model, status in ((first, "LOGGED_MODEL_READY"), (first, 2), (first, "LOGGED_MODEL_UPLOAD_FAILED"),
                              (second, "LOGGED_MODEL_READY"), ("m-nope", "LOGGED_MODEL_READY")):
            self.call("PATCH", f"logged-models/{model}", {"model_id": model, "status": status})
        for tags in ([{"key": "k", "value": "v"}], [{"key": "k", "value": "w"}, {"key": "z", "value": ""}], [], "x"):
            self.call("PATCH", f"logged-models/{first}/tags", {"tags": tags})
        for key in ("k", "k", "nope"):
            self.call("DELETE", f"logged-models/{first}/tags/{key}")
        for params in ([{"key": "q", "value": "1"}], [{"key": "r", "value": ""}], []):
            self.post(f"logged-models/{first}/params", {"model_id": first, "params": params})
        metric = {"key": "acc", "timestamp": 1, "step": 1, "dataset_name": "d", "dataset_digest": "x"}
        self.post("runs/log-batch", {"run_id": run, "metrics": [{"key": "acc", "value": .5, "timestamp": 1, "model_id": first},
                                                                {**metric, "value": .7, "model_id": second}]})
        self.post("runs/log-metric", {"run_id": run, **metric, "value": .9, "model_id": made[1]})
        for models in ([{"model_id": first, "step": 1}], []):
            self.post("runs/outputs", {"run_id": run, "models": models})
        for _ in range(2):
            self.post("runs/log-inputs", {"run_id": run, "models": [{"model_id": second}]})
        self.get("runs/get", run_id=run)

        def search(**body):
            self.post("logged-models/search", {"experiment_ids": [experiment], "order_by": [{"field_name": "name"}], **body})

        for text in ("name = 'a'", "name LIKE 'a%'", "attributes.name = 'b'", "params.p = '1'", "params.p = 1", "tags.t = 'x'",
                     "metrics.acc > 0.4", "metrics.acc >= .7", "model_type = 'clf'", f"source_run_id = '{run}'",
                     f"model_id IN ('{first}','{second}')", "creation_timestamp > 0", "name = 'a' OR name='b'", "bar.x = 1",
                     "name", "name ILIKE 'A'", "name != 'a'", f"experiment_id = '{experiment}'", "name NOT IN ('a','b')",
                     "lifecycle_stage = 'active'", "params.`p` = '1'", "last_updated_timestamp > 0 AND name = 'a'"):
            search(filter=text)
        for order in ([{"field_name": "metrics.acc"}], [{"field_name": "metrics.acc", "ascending": False}],
                      [{"field_name": "metrics.acc", "dataset_name": "d", "dataset_digest": "x"}],
                      [{"field_name": "params.p"}], [{"field_name": "foo"}], [{"field_name": "status"}, {"field_name": "name"}]):
            search(order_by=order)
        for count in (1, 2, 50, 51):
            search(max_results=count)
        data = [{"dataset_name": "d", "dataset_digest": "x"}]
        for body in ({"datasets": data}, {"datasets": data, "filter": "metrics.acc > .8"}, {"experiment_ids": ["99"]},
                     {"experiment_ids": []}):
            search(**body)
        for model in (first, "m-nope"):
            self.get(f"logged-models/{model}/artifacts/directories")
        for model in (first, first, "m-nope"):
            self.call("DELETE", f"logged-models/{model}")
        self.get(f"logged-models/{first}")
        self.get(f"logged-models/{first}", allow_deleted="true")
        search()

    def test_where_3_x_differs_from_2_x(self):
        for name in ("x1", "x2", ".", "a/b", "a:b"):
            self.post("registered-models/create", {"name": name})
        self.get("registered-models/search", filter="name IN ('x1', 'x2')")
        for name, alias in (("x1", "v1"), ("x1", "x"), ("nope", "x")):
            self.get("registered-models/alias", name=name, alias=alias)
        run = self.run_in("0", 0, run_name="source")
        self.post("model-versions/create", {"name": "x1", "source": "s3://b/p", "run_id": run})
        self.post("model-versions/create", {"name": "x2", "source": "models:/x1/1"})
        self.get("registered-models/alias", name="x1", alias="latest")
        for text in ("experiment_id = '0'", "experiment_id IN ('0', '7')", "name IN ('x')", "id = '0'", "tags.k IS NULL",
                     "tags.k IS NOT NULL"):
            self.post("experiments/search", {"max_results": 5, "filter": text})
        for text in ("tags.k IS NULL", "params.k IS NOT NULL AND metrics.m > 5"):
            self.post("runs/search", {"experiment_ids": ["0"], "filter": text})


if __name__ == "__main__":
    unittest.main()
