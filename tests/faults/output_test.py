"""Standard streams that cannot be written or are closed: an exit code and a message, never an abort or a damaged file."""
import subprocess
import unittest

from tenure_process import EXIT_EXHAUSTED, EXIT_INVALID, FAST, TENURE, make_telco_project, temporary_folder, tenure_json


class UnwritableOutput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = make_telco_project(cls.enterClassContext(temporary_folder()) / "telco")

    def shell(self, command):
        """Runs `tenure command`, redirections included, by the shell."""
        return subprocess.run(f'exec "{TENURE}" {command}', shell=True, cwd=self.project, capture_output=True, text=True,
                              timeout=600)

    def test_an_answer_that_cannot_be_written_is_an_error(self):
        for command in ("admin schema", "admin schema --json", "data query 'SELECT 1'", "--help", "--version",
                        "models list --help", "completion bash"):
            with self.subTest(command=command):
                done = self.shell(command + " > /dev/full")
                self.assertEqual(done.returncode, EXIT_EXHAUSTED, done.stderr)
                self.assertIn("cannot write to standard output", done.stderr)

    def test_an_error_that_cannot_be_written_keeps_its_exit_code(self):
        self.assertEqual(self.shell("score --json nothing.csv").returncode, EXIT_INVALID)
        wrong = "data query --limit 0 'SELECT 1'"
        for command in (f"{wrong} 2> /dev/full", f"{wrong} --json > /dev/full", f"{wrong} >&- 2>&-"):
            with self.subTest(command=command):
                self.assertEqual(self.shell(command).returncode, EXIT_INVALID)

    def test_a_run_does_its_work_though_nobody_can_read_how_it_goes(self):
        settings = " ".join(FAST)
        self.assertEqual(self.shell(f"run {settings} 2> /dev/full").returncode, 0)
        self.assertEqual(tenure_json("models", "list", cwd=self.project)["models"][0]["version"], 1)

    def test_messages_never_land_in_the_stores_of_a_program_that_was_started_with_closed_streams(self):
        settings = " ".join(FAST)
        self.assertEqual(self.shell(f"run --fresh {settings} <&- >&- 2>&-").returncode, EXIT_EXHAUSTED)
        report = tenure_json("admin", "doctor", cwd=self.project)
        self.assertTrue(report["healthy"], report)


if __name__ == "__main__":
    unittest.main()
