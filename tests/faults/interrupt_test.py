"""Ctrl-C and SIGTERM end a command promptly, also in the middle of a long statement of the SQL engine."""
import json
import pathlib
import signal
import subprocess
import unittest

from tenure_process import (EXIT_CANCELLED, FAST, TENURE, make_telco_project, temporary_folder, tenure, tenure_json,
                            wait_until)

# Works for weeks, and says nothing before it is done.
ENDLESS = "SELECT count(*) FROM range(100000000) AS a(i), range(100000000) AS b(j) WHERE i * j % 7 = 3"


def catches(process, number):
    """Whether the process has a handler of its own for a signal."""
    if process.poll() is not None:
        raise AssertionError(f"it ended with {process.returncode}: {process.communicate()}")
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)
    return caught >> (number - 1) & 1 == 1


class Interrupts(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(temporary_folder())

    def start(self, *arguments, cwd=None):
        process = subprocess.Popen([TENURE, *map(str, arguments)], cwd=cwd or self.folder, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        return process

    def stop(self, process, number):
        """Sends a signal; returns (exit code, standard output, standard error)."""
        wait_until(lambda: catches(process, number))
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def test_a_query_that_would_never_end_is_cancelled(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                code, output, errors = self.stop(self.start("data", "query", ENDLESS), number)
                self.assertEqual((code, output), (EXIT_CANCELLED, ""), errors)
                self.assertEqual(errors, "tenure: cancelled\n")

    def test_programs_are_told_with_a_code(self):
        code, output, errors = self.stop(self.start("data", "query", ENDLESS, "--json"), signal.SIGINT)
        self.assertEqual((code, errors), (EXIT_CANCELLED, ""))
        self.assertEqual(json.loads(output), {"error": {"code": "cancelled", "message": "cancelled"}})

    def test_a_run_stops_within_a_step_and_leaves_nothing_half_made(self):
        project = make_telco_project(self.folder / "telco")
        run = self.start("run", "--set", "data.generate.rows=400000", cwd=project)
        cleaned = project / ".tenure" / "data"
        # The folder is made right before the table is cleaned, which is a few long statements.
        wait_until(lambda: run.poll() is not None or any(cleaned.glob("*")), pause=0.002)
        code, _, errors = self.stop(run, signal.SIGINT)
        self.assertEqual(code, EXIT_CANCELLED, errors)
        self.assertTrue(errors.endswith("tenure: ingest: cancelled\n"), errors)
        steps = tenure_json("pipelines", "show", cwd=project)["steps"]
        self.assertEqual({step["state"] for step in steps}, {"cancelled"}, steps)
        self.assertEqual([path for path in cleaned.glob("*/*") if path.is_file()], [])
        self.assertEqual(list((project / ".tenure" / "tmp").glob("*")), [])
        tenure_json("run", *FAST, "--set", "data.source=small.csv", cwd=project)

    def test_the_message_of_a_run_tells_how_to_go_on(self):
        project = make_telco_project(self.folder / "telco")
        run = self.start("run", "--set", "data.generate.rows=20000", "--set", "model.rounds=100000", cwd=project)
        for line in run.stderr:
            if "features" in line:
                break
        code, _, errors = self.stop(run, signal.SIGTERM)
        self.assertEqual(code, EXIT_CANCELLED, errors)
        self.assertIn("train: cancelled; what was done before is kept: go on with `tenure run --from train`", errors)
        again = tenure_json("run", "--from", "train", *FAST, cwd=project)
        self.assertEqual(again["state"], "succeeded")
        kept = [step["name"] for step in tenure_json("pipelines", "show", cwd=project)["steps"]
                if step["state"] == "reused"]
        self.assertEqual(kept, ["ingest", "split", "features"])

    def test_a_point_in_time_join_is_cancelled(self):
        project = make_telco_project(self.folder / "telco")
        tenure_json("run", "--until", "ingest", *FAST, cwd=project)
        # A thousand times the same customers: long enough to be stopped in.
        tenure("data", "query", "COPY (SELECT data.*, now()::TIMESTAMP AS event_timestamp FROM data, range(1000)) "
               "TO 'many.parquet' (FORMAT parquet)", cwd=project)
        code, _, errors = self.stop(self.start("features", "join", "many.parquet", "out.parquet", cwd=project),
                                    signal.SIGINT)
        self.assertEqual(code, EXIT_CANCELLED, errors)
        self.assertEqual(list(project.glob("out.parquet*")), [])


if __name__ == "__main__":
    unittest.main()
