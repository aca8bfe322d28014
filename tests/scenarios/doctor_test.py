"""`tenure admin doctor` looks, and changes nothing."""
import hashlib
import json
import shutil
import sqlite3
import unittest

from tenure_process import FAST, make_telco_project, temporary_folder, tenure, tenure_json


def contents(folder):
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            for path in folder.rglob("*")}


class Doctor(unittest.TestCase):
    def setUp(self):
        self.project = make_telco_project(self.enterContext(temporary_folder()) / "telco")

    def states(self):
        report = tenure_json("admin", "doctor", cwd=self.project)
        return {check["check"]: (check["state"], check["detail"]) for check in report["checks"]}

    def test_a_new_project_gets_notes_and_no_files(self):
        before = contents(self.project)
        states = self.states()
        for store in ("storage.database", "storage.online", "storage.objects"):
            self.assertEqual(states[store][0], "note", states[store])
            self.assertIn("not made yet", states[store][1])
        self.assertEqual(contents(self.project), before)

    def test_a_used_project_is_healthy_and_a_database_of_mlflow_is_left_as_it_is(self):
        tenure("run", *FAST, cwd=self.project)
        states = self.states()
        for check in ("storage.database", "storage.online", "storage.objects", "model"):
            self.assertEqual(states[check][0], "ok", states[check])

        # What MLflow itself makes: its tables alone, without write-ahead logging.
        database = self.project / ".tenure" / "tenure.db"
        with sqlite3.connect(database) as connection:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND "
                                               "name LIKE 'tenure%'").fetchall():
                connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.close()
        before = contents(self.project)
        states = self.states()
        self.assertEqual(states["storage.database"][0], "note", states)
        self.assertIn("adds them", states["storage.database"][1])
        self.assertEqual(contents(self.project), before)

    def test_a_model_whose_package_is_gone_is_a_failure(self):
        tenure("run", *FAST, cwd=self.project)
        shutil.rmtree(self.project / ".tenure" / "objects")
        done = tenure("admin", "doctor", cwd=self.project, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is gone", done.stdout)
        told = tenure("admin", "doctor", "--json", cwd=self.project, check=False)
        self.assertEqual(told.returncode, done.returncode)
        self.assertFalse(json.loads(told.stdout)["healthy"])
        self.assertFalse((self.project / ".tenure" / "objects").exists())


if __name__ == "__main__":
    unittest.main()
