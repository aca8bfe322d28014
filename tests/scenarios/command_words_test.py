"""What a person meets who types a command wrongly, or asks what there is."""
import json
import unittest

from tenure_process import EXIT_INVALID, EXIT_NOT_FOUND, temporary_folder, tenure, tenure_json


class CommandWords(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())

    def said(self, *arguments, code=EXIT_INVALID, **variables):
        done = tenure(*arguments, cwd=self.folder, check=False, **variables)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_a_wrong_word_gets_one_line_with_the_nearest_and_where_to_look(self):
        self.assertEqual(self.said("run", "--form", "train"),
                         "tenure: tenure run has no option '--form' (did you mean '--from'?); see tenure run --help\n")
        self.assertEqual(self.said("score", "in.csv"), "tenure: OUT is required; see tenure score --help\n")
        self.assertIn("did you mean 'query'?", self.said("data", "qurey", "SELECT 1"))

    def test_a_program_gets_the_same_as_json(self):
        done = tenure("score", "in.csv", "--json", cwd=self.folder, check=False)
        self.assertEqual((done.returncode, done.stderr), (EXIT_INVALID, ""))
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "invalid_argument")

    def test_a_noun_alone_shows_its_verbs(self):
        for words in ((), ("models",), ("admin", "tokens")):
            with self.subTest(words=words):
                text = self.said(*words)
                self.assertIn("Subcommands:", text)
                self.assertIn(" ".join(("tenure", *words)), text)

    def test_help_of_a_command_is_the_same_in_both_ways(self):
        asked = tenure("help", "models", "promote").stdout
        self.assertEqual(asked, tenure("models", "promote", "--help").stdout)
        self.assertIn("Common options:", asked)
        self.assertIn("KEY...", tenure("features", "get", "--help").stdout)

    def test_registry_and_tokens_work_beside_a_tracking_server_without_a_project(self):
        database = {"TENURE_STORAGE__DATABASE": "sqlite:///mlflow.db"}
        self.assertIn("tenure init", self.said("models", "list", code=EXIT_NOT_FOUND))
        self.assertEqual(tenure_json("models", "list", cwd=self.folder, **database), {"models": []})
        tenure("admin", "tokens", "create", "ci", "--expires", "90d", cwd=self.folder, **database)
        self.assertIn("such as 90d", self.said("admin", "tokens", "create", "me", "--expires", "90", **database))
        self.assertEqual([token["name"] for token in
                          tenure_json("admin", "tokens", "list", cwd=self.folder, **database)["tokens"]], ["ci"])


if __name__ == "__main__":
    unittest.main()
