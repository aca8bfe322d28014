"""The registry on the command line: approval before promotion, versions side by side, the history."""
import unittest

from tenure_process import FAST, EXIT_INVALID, EXIT_NOT_FOUND, make_telco_project, temporary_folder, tenure, tenure_json

EXIT_DENIED = 5
GATE = ("--set", "tracking.approval.aliases=champion")
LENIENT = (*GATE, "--set", "tracking.approval.by_registrant=true")


class RegistryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = make_telco_project(cls.enterClassContext(temporary_folder()) / "telco")
        tenure("run", *FAST, *GATE, cwd=cls.project)
        cls.first = tenure_json("models", "list", cwd=cls.project)["models"][0]
        cls.name = cls.first["model"]

    def failing(self, code, *arguments):
        done = tenure(*arguments, cwd=self.project, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_a_version_is_promoted_once_somebody_approved_it(self):
        self.assertEqual(self.first["aliases"], [])  # the pipeline's gate waited
        refused = self.failing(EXIT_DENIED, "models", "promote", "1", *GATE)
        self.assertIn("needs 1 approval and has none", refused)
        refused = self.failing(EXIT_DENIED, "models", "approve", self.name, "1", "--reason", "mine", *GATE)
        self.assertIn("somebody else has to approve it", refused)
        self.assertIn("--reason", self.failing(EXIT_INVALID, "models", "approve", self.name, "1", *LENIENT))

        rejected = tenure_json("models", "reject", self.name, "1", "--reason", "too early", *LENIENT, cwd=self.project)
        self.assertTrue(rejected["approval"]["rejected"])
        self.assertIn("rejected by", self.failing(EXIT_DENIED, "models", "promote", "1", *LENIENT))
        approved = tenure_json("models", "approve", self.name, "1", "--reason", "looked at it", *LENIENT,
                               cwd=self.project)
        self.assertTrue(approved["approval"]["approved"])
        self.assertIn("test_auc", [row["key"] for row in approved["evidence"]["metrics"]])
        self.assertIn("AUC", approved["evidence"]["gate"]["verdict"])
        tenure("models", "promote", "1", *LENIENT, cwd=self.project)
        self.assertEqual(tenure_json("models", "list", cwd=self.project)["models"][-1]["aliases"], ["champion"])

        # The trail tells it all, newest first.
        entries = tenure_json("models", "audit", self.name, cwd=self.project)["entries"]
        actions = [entry["action"] for entry in entries]
        for earlier, later in (("register", "propose"), ("propose", "reject"), ("reject", "approve"),
                               ("approve", "set_alias")):
            self.assertGreater(actions.index(earlier), actions.index(later), actions)
        approval = entries[actions.index("approve")]
        self.assertEqual(approval["reason"], "looked at it")
        self.assertTrue(approval["evidence"]["files"])
        shown = tenure_json("models", "audit", self.name, "--version", "1", "--limit", "1", cwd=self.project)
        self.assertEqual(len(shown["entries"]), 1)
        self.assertIn("looked at it", tenure("models", "audit", self.name, cwd=self.project).stdout)

    def test_versions_stand_side_by_side(self):
        tenure("run", *FAST, "--set", "model.rounds=20", *GATE, cwd=self.project)
        compared = tenure_json("models", "compare", self.name, "1", "2", cwd=self.project)
        self.assertEqual([version["version"] for version in compared["versions"]], [1, 2])
        rows = {row["key"]: row for row in compared["metrics"]}
        self.assertEqual(len(rows["test_auc"]["values"]), 2)
        self.assertTrue(any(row["differs"] for row in compared["params"]), compared["params"])
        text = tenure("models", "compare", self.name, "1", "2", "--differing", cwd=self.project).stdout
        self.assertIn("version 2", text)
        self.failing(EXIT_INVALID, "models", "compare", self.name, "1")
        self.failing(EXIT_NOT_FOUND, "models", "compare", self.name, "1", "9")
        self.failing(EXIT_NOT_FOUND, "models", "audit", "no-such-model")

    def test_a_policy_that_cannot_be_is_refused_with_its_key(self):
        wrong = self.failing(EXIT_INVALID, "models", "list", "--set", "tracking.approval.stages=Live")
        self.assertIn("tracking.approval", wrong)
        self.assertIn("Live", wrong)


if __name__ == "__main__":
    unittest.main()
