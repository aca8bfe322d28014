"""Mistakes in tenure.yaml, on the command line and in the environment."""
import unittest

from tenure_process import EXIT_INVALID, EXIT_NOT_FOUND, make_telco_project, temporary_folder, tenure


class BadConfiguration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")

    def refused(self, *arguments, words=(), code=EXIT_INVALID, cwd=None, **variables):
        done = tenure(*arguments, cwd=cwd or self.project, check=False, **variables)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_no_project_here(self):
        self.refused("run", cwd=self.folder, code=EXIT_NOT_FOUND, words=("tenure init",))

    def test_an_unknown_key_names_the_nearest_and_the_line(self):
        text = (self.project / "tenure.yaml").read_text() + "\nserving:\n  prot: 9000\n"
        (self.folder / "typo.yaml").write_text(text)
        line = text.splitlines().index("  prot: 9000") + 1
        self.refused("run", "--config", self.folder / "typo.yaml", words=(f"typo.yaml:{line}", "serving.prot", "serving.port"))

    def test_a_wrong_type_and_a_value_out_of_range_are_both_told(self):
        self.refused("run", "--set", "serving.port=high", "--set", "data.split.test=7",
                     words=("serving.port", "data.split.test"))

    def test_the_environment_sets_keys(self):
        self.refused("run", TENURE_SERVING__PORT="many", words=("serving.port",))

    def test_an_unknown_environment_overlay(self):
        self.refused("run", "--env", "staging", words=("staging",))

    def test_broken_yaml_names_the_line(self):
        (self.folder / "broken.yaml").write_text("project: x\ndata: [1, 2\n")
        self.refused("run", "--config", self.folder / "broken.yaml", words=("broken.yaml:",))

    def test_unknown_command_option_and_step(self):
        self.refused("fly")
        self.refused("run", "--fast")
        self.refused("run", "--until", "nowhere", code=EXIT_NOT_FOUND, words=("nowhere", "ingest"))

    def test_init_never_overwrites(self):
        done = tenure("init", self.project, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn("tenure.yaml", done.stderr)


if __name__ == "__main__":
    unittest.main()
