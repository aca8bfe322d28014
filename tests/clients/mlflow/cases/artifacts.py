"""Files of runs, through the proxy, with an unmodified client."""
import os
import pathlib
import tempfile
import unittest

import mlflow
import pandas
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from naming import unique


class Artifacts(unittest.TestCase):
    def setUp(self):
        self.client = MlflowClient()
        experiment = mlflow.set_experiment(unique(self.id())).experiment_id
        self.run = self.client.create_run(experiment).info.run_id
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_files_and_folders_go_up_are_listed_and_come_down(self):
        sent = self.folder / "sent"
        (sent / "deep" / "er").mkdir(parents=True)
        files = {"a.txt": b"a", "deep/ünï code.bin": os.urandom(300_000), "deep/er/empty": b""}
        for name, content in files.items():
            (sent / name).write_bytes(content)
        self.client.log_artifacts(self.run, sent, "data")
        self.assertEqual({(f.path, f.is_dir, f.file_size) for f in self.client.list_artifacts(self.run, "data")},
                         {("data/a.txt", False, 1), ("data/deep", True, None)})
        got = pathlib.Path(self.client.download_artifacts(self.run, "data", str(self.folder)))
        for name, content in files.items():
            self.assertEqual((got / name).read_bytes(), content)

    def test_a_large_file_comes_back_whole(self):
        content = os.urandom(1 << 20) * 40
        (self.folder / "large.bin").write_bytes(content)
        self.client.log_artifact(self.run, self.folder / "large.bin")
        got = self.client.download_artifacts(self.run, "large.bin", tempfile.mkdtemp(dir=self.folder))
        self.assertEqual(pathlib.Path(got).read_bytes(), content)

    def test_the_other_ways_to_log(self):
        with mlflow.start_run(run_id=self.run):
            mlflow.log_dict({"k": [1, 2]}, "config/one.json")
            mlflow.log_text("<b>text</b>", "page.html")
            mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "table.json")
        self.assertEqual(mlflow.artifacts.load_dict(f"runs:/{self.run}/config/one.json"), {"k": [1, 2]})
        self.assertEqual(mlflow.artifacts.load_text(f"runs:/{self.run}/page.html"), "<b>text</b>")
        table = mlflow.load_table("table.json", run_ids=[self.run])
        pandas.testing.assert_frame_equal(table, pandas.DataFrame({"q": ["a", "b"], "n": [1, 2]}))

    def test_deleting_and_missing_files(self):
        (self.folder / "gone.txt").write_text("x")
        self.client.log_artifact(self.run, self.folder / "gone.txt")
        uri = self.client.get_run(self.run).info.artifact_uri
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        get_artifact_repository(uri).delete_artifacts("gone.txt")
        self.assertEqual(self.client.list_artifacts(self.run), [])
        with self.assertRaisesRegex((MlflowException, OSError), "gone.txt|No such artifact"):
            self.client.download_artifacts(self.run, "gone.txt", str(self.folder))


if __name__ == "__main__":
    unittest.main()
