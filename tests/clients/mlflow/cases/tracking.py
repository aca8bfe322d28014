"""Experiments, runs, metrics, params, tags, data sets and search, through an unmodified client."""
import math
import threading
import unittest

import mlflow
import numpy
import pandas
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException

from naming import unique


class Tracking(unittest.TestCase):
    def setUp(self):
        self.client = MlflowClient()
        self.name = unique(self.id())
        self.experiment = self.client.create_experiment(self.name, tags={"team": "retention"})
        mlflow.set_experiment(self.name)

    def test_an_experiment_lives_dies_and_comes_back(self):
        client = self.client
        self.assertEqual(client.get_experiment_by_name(self.name).tags["team"], "retention")
        self.assertIsNone(client.get_experiment_by_name("no such experiment"))
        with self.assertRaisesRegex(MlflowException, "RESOURCE_ALREADY_EXISTS.*already exists"):
            client.create_experiment(self.name)
        client.rename_experiment(self.experiment, self.name + " renamed")
        client.set_experiment_tag(self.experiment, "note", "später")
        run = client.create_run(self.experiment)
        client.delete_experiment(self.experiment)
        self.assertEqual(client.get_run(run.info.run_id).info.lifecycle_stage, "deleted")
        deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY, max_results=1000)
        self.assertIn(self.experiment, [e.experiment_id for e in deleted])
        client.restore_experiment(self.experiment)
        found = client.search_experiments(filter_string=f"name = '{self.name} renamed' AND tags.note = 'später'")
        self.assertEqual([e.experiment_id for e in found], [self.experiment])
        self.assertEqual(client.get_run(run.info.run_id).info.lifecycle_stage, "active")

    def test_what_a_run_logs_is_read_back(self):
        with mlflow.start_run(run_name="first", tags={"a": "b"}, description="what it is") as run:
            mlflow.log_params({"depth": 6, "eta": 0.1, "text": "ä" * 10})
            mlflow.log_metric("auc", 0.5, step=0)
            mlflow.log_metrics({"auc": 0.84, "loss": math.nan}, step=1)
            mlflow.log_metric("unbounded", math.inf)
            mlflow.set_tags({"stage": "dev", "empty": ""})
            mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1.0, 2.0]}), name="train"), "training")
            with mlflow.start_run(nested=True, run_name="child"):
                mlflow.log_metric("auc", 0.1)
        seen = self.client.get_run(run.info.run_id)
        self.assertEqual((seen.info.status, seen.info.run_name), ("FINISHED", "first"))
        self.assertEqual(seen.data.params, {"depth": "6", "eta": "0.1", "text": "ä" * 10})
        self.assertEqual(seen.data.metrics["auc"], 0.84)
        self.assertTrue(math.isnan(seen.data.metrics["loss"]))
        self.assertEqual(seen.data.metrics["unbounded"], numpy.finfo(float).max)
        self.assertEqual((seen.data.tags["a"], seen.data.tags["empty"]), ("b", ""))
        self.assertEqual(seen.data.tags["mlflow.note.content"], "what it is")
        data = seen.inputs.dataset_inputs[0]
        self.assertEqual((data.dataset.name, data.tags[0].value), ("train", "training"))
        history = self.client.get_metric_history(run.info.run_id, "auc")
        self.assertEqual([(m.step, m.value) for m in history], [(0, 0.5), (1, 0.84)])
        children = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")
        self.assertEqual(list(children["tags.mlflow.runName"]), ["child"])

    def test_rules_and_refusals_are_those_of_mlflow(self):
        client = self.client
        run = client.create_run(self.experiment).info.run_id
        client.log_param(run, "p", 1)
        client.log_param(run, "p", 1)
        with self.assertRaisesRegex(MlflowException, "Changing param values is not allowed"):
            client.log_param(run, "p", 2)
        client.log_batch(run, params=[Param("long", "x" * 6500)])
        self.assertEqual(len(client.get_run(run).data.params["long"]), 6000)
        with self.assertRaisesRegex(MlflowException, "INVALID_PARAMETER_VALUE"):
            client.log_batch(run, metrics=[Metric("m*", 1, 1, 1)])
        client.set_tag(run, "t", "1")
        client.delete_tag(run, "t")
        with self.assertRaisesRegex(MlflowException, "No tag with name: t"):
            client.delete_tag(run, "t")
        client.update_run(run, status="FAILED", name="other")
        self.assertEqual(client.get_run(run).info.status, "FAILED")
        client.delete_run(run)
        with self.assertRaisesRegex(MlflowException, "must be in the 'active' state"):
            client.log_metric(run, "m", 1)
        client.restore_run(run)
        client.log_metric(run, "m", 1)
        with self.assertRaisesRegex(MlflowException, "Run with id=.* not found|RESOURCE_DOES_NOT_EXIST"):
            client.get_run("0" * 32)

    def test_batches_of_the_greatest_size_are_taken_and_larger_ones_refused(self):
        run = self.client.create_run(self.experiment).info.run_id
        metrics = [Metric(f"m{i % 50}", float(i), 1000 + i, i) for i in range(800)]
        params = [Param(f"p{i}", str(i)) for i in range(100)]
        tags = [RunTag(f"t{i}", str(i)) for i in range(100)]
        for _ in range(2):  # a client that saw no answer sends it again
            self.client.log_batch(run, metrics, params, tags)
        seen = self.client.get_run(run)
        self.assertEqual(len(seen.data.params), 100)
        self.assertEqual(seen.data.metrics["m49"], 799.0)
        self.assertEqual(len(self.client.get_metric_history(run, "m0")), 16)
        with mlflow.start_run(run_id=run):
            mlflow.log_metrics({f"many{i}": float(i) for i in range(1200)})
        self.assertEqual(self.client.get_run(run).data.metrics["many1199"], 1199.0)

    def test_search_filters_orders_and_pages(self):
        for i in range(25):
            run = self.client.create_run(self.experiment, start_time=1000 + i, tags={"even": str(i % 2 == 0)})
            self.client.log_metric(run.info.run_id, "auc", i / 100)
            self.client.log_param(run.info.run_id, "depth", str(i % 3))
            self.client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.FINISHED))
        found, token = [], None
        while True:
            page = self.client.search_runs([self.experiment], "metrics.auc >= 0.05 AND tags.even = 'True'",
                                           order_by=["metrics.auc DESC"], max_results=4, page_token=token)
            found += [run.data.metrics["auc"] for run in page]
            token = page.token
            if not token:
                break
        self.assertEqual(found, [i / 100 for i in range(24, 5, -2)])
        frame = mlflow.search_runs([self.experiment], "params.depth ILIKE '2' AND attributes.status = 'FINISHED'")
        self.assertEqual(len(frame), 8)
        ids = list(mlflow.search_runs([self.experiment]).run_id)
        listed = ", ".join(f"'{one}'" for one in ids[:10])
        self.assertEqual(len(self.client.search_runs([self.experiment], f"attributes.run_id IN ({listed})")), 10)
        with self.assertRaisesRegex(MlflowException, "INVALID_PARAMETER_VALUE"):
            self.client.search_runs([self.experiment], "params.depth > '1'")

    def test_many_threads_log_to_one_run(self):
        run = self.client.create_run(self.experiment).info.run_id

        def log(thread):
            for step in range(20):
                self.client.log_metric(run, "shared", thread, step=step * 10 + thread)

        threads = [threading.Thread(target=log, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.client.get_metric_history(run, "shared")), 160)
        self.assertEqual(self.client.get_run(run).data.metrics["shared"], 7.0)


class AsyncLogging(unittest.TestCase):
    def test_everything_arrives_in_the_end(self):
        mlflow.set_experiment(unique(self.id()))
        with mlflow.start_run() as run:
            waiting = [mlflow.log_metric("m", float(i), step=i, synchronous=False) for i in range(500)]
            waiting.append(mlflow.log_params({f"p{i}": i for i in range(150)}, synchronous=False))
            waiting.append(mlflow.set_tags({"k": "v"}, synchronous=False))
            for one in waiting:
                one.wait()
        client = MlflowClient()
        self.assertEqual([m.value for m in client.get_metric_history(run.info.run_id, "m")],
                         [float(i) for i in range(500)])
        self.assertEqual(len(client.get_run(run.info.run_id).data.params), 150)


if __name__ == "__main__":
    unittest.main()
