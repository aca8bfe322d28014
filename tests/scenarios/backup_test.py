"""A backup under load, restored elsewhere: what was acknowledged before is there, and the model answers."""
import csv
import json
import shutil
import threading
import unittest

from tenure_process import (EXIT_CONFLICT, EXIT_CORRUPT, EXIT_NOT_FOUND, FAST, Server, make_telco_project,
                            temporary_folder, tenure, tenure_json, wait_until)


class Backup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.root / "old")
        tenure("run", *FAST, cwd=cls.project)
        cls.backup = cls.root / "backup"
        cls.tokens = []
        with open(cls.project / "data" / "customers.csv", newline="") as file:
            customer = next(csv.DictReader(file))
        with Server(cls.project) as server:
            _, info = server.request("GET", "/model-info")
            cls.features = {field["name"]: customer[field["name"]] for field in info["inputs"]}
            cls.features.update(tenure=int(customer["tenure"]), SeniorCitizen=int(customer["SeniorCitizen"]),
                                MonthlyCharges=float(customer["MonthlyCharges"]),
                                TotalCharges=float(customer["TotalCharges"].strip() or 0))
            status, cls.expected = server.predict({"features": cls.features})
            assert status == 200, cls.expected
            stop = threading.Event()

            def write():
                while not stop.is_set():
                    name = f"writer-{len(cls.tokens)}"
                    tenure("admin", "tokens", "create", name, cwd=cls.project)
                    cls.tokens.append(name)

            writer = threading.Thread(target=write)
            writer.start()
            wait_until(lambda: len(cls.tokens) >= 3)
            cls.acknowledged = list(cls.tokens)
            cls.answer = tenure_json("admin", "backup", cls.backup, cwd=cls.project)
            stop.set()
            writer.join()
        cls.models = tenure_json("models", "list", cwd=cls.project)

    def new_project(self, name):
        project = self.root / name
        project.mkdir()
        shutil.copy(self.project / "tenure.yaml", project)
        return project

    def test_what_was_acknowledged_is_there_and_the_model_answers(self):
        project = self.new_project("new")
        hidden = self.project.rename(self.root / "hidden")  # nothing may be read from there
        try:
            restored = tenure_json("admin", "restore", self.backup, cwd=project)
            self.assertEqual(restored["objects"], self.answer["objects"])
            self.assertGreater(restored["objects"], 3)
            names = {token["name"] for token in tenure_json("admin", "tokens", "list", cwd=project)["tokens"]}
            self.assertLessEqual(set(self.acknowledged), names)
            self.assertEqual(tenure_json("models", "list", cwd=project), self.models)
            with Server(project) as server:
                status, answer = server.predict({"features": self.features})
                self.assertEqual(status, 200, answer)
                self.assertEqual((answer["probability"], answer["model"], answer["level"]),
                                 (self.expected["probability"], self.expected["model"], "primary"))
            # It holds something now.
            self.assertEqual(tenure("admin", "restore", self.backup, cwd=project, check=False).returncode,
                             EXIT_CONFLICT)
            tenure("admin", "restore", self.backup, "--force", cwd=project)
        finally:
            hidden.rename(self.project)

    def test_a_backup_makes_a_new_folder(self):
        self.assertEqual(tenure("admin", "backup", self.backup, cwd=self.project, check=False).returncode,
                         EXIT_CONFLICT)
        self.assertEqual([entry.name for entry in self.root.iterdir() if entry.name.endswith(".tmp")], [])

    def test_a_changed_file_is_named_and_nothing_is_restored(self):
        damaged = self.root / "damaged"
        shutil.copytree(self.backup, damaged)
        files = json.loads((damaged / "manifest.json").read_text())["files"]
        path = damaged / files[-1]["path"]
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        project = self.new_project("target")
        done = tenure("admin", "restore", damaged, cwd=project, check=False)
        self.assertEqual(done.returncode, EXIT_CORRUPT, done.stderr)
        self.assertIn(path.name, done.stderr)
        self.assertFalse((project / ".tenure" / "tenure.db").exists())
        path.unlink()
        self.assertEqual(tenure("admin", "restore", damaged, cwd=project, check=False).returncode, EXIT_CORRUPT)

    def test_a_folder_that_is_no_backup_is_told(self):
        done = tenure("admin", "restore", self.root / "nothing", cwd=self.project, check=False)
        self.assertEqual(done.returncode, EXIT_NOT_FOUND, done.stderr)


if __name__ == "__main__":
    unittest.main()
