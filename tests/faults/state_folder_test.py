"""The state folder: who may read it, what a run tidies away in it and what it leaves alone."""
import os
import stat
import unittest

from tenure_process import FAST, Server, make_telco_project, temporary_folder, tenure


class StateFolder(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())
        self.project = make_telco_project(self.folder / "telco")
        self.state = self.project / ".tenure"

    def test_is_for_its_owner_alone_unless_that_was_changed(self):
        tenure("run", "--until", "ingest", *FAST, cwd=self.project)
        self.assertEqual(stat.S_IMODE(self.state.stat().st_mode), 0o700)
        self.state.chmod(0o750)
        tenure("run", "--until", "ingest", *FAST, cwd=self.project)
        self.assertEqual(stat.S_IMODE(self.state.stat().st_mode), 0o750)

    def test_a_run_removes_old_unfinished_files_and_no_others(self):
        def make(name, age_s):
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
            when = path.stat().st_mtime - age_s
            os.utime(path, (when, when))
            return path

        three_days = 3 * 24 * 3600
        objects = [make("objects/artifacts/1/a/notes.tmp", three_days), make("objects/data.csv.tmp", three_days)]
        unfinished = [make("objects/.0123456789ab.tmp", three_days), make("data/t.parquet.0123456789ab.tmp", three_days)]
        young = make("data/.0123456789ab.tmp", 60)
        tenure("run", "--until", "ingest", *FAST, cwd=self.project)
        self.assertEqual([path for path in objects if not path.exists()], [])
        self.assertEqual([path for path in unfinished if path.exists()], [])
        self.assertTrue(young.exists())

    def test_a_server_starts_over_a_prediction_log_that_a_power_cut_left_empty(self):
        segment = self.state / "predictions" / "predictions-0000000003.log"
        segment.parent.mkdir(parents=True)
        segment.write_bytes(bytes(4096))
        with Server(self.project) as server:
            self.assertEqual(server.request("GET", "/health")[0], 200)
        self.assertFalse(segment.exists())
        self.assertEqual(segment.with_name(segment.name + ".damaged").stat().st_size, 4096)


if __name__ == "__main__":
    unittest.main()
