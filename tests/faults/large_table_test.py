"""A table of more than 2 GB: the answers are right, and memory does not grow with the file."""
import json
import os
import shutil
import subprocess
import unittest

from tenure_process import TENURE, temporary_folder, tenure

SIZE = 2**31 + 2**20  # bytes; offsets no longer fit into 32 bits with a sign
DISK_NEEDED = 2 * SIZE
MEMORY_MAX = 700 + 256 * os.cpu_count()  # MB of resident memory; on two cores about half of the file
ROWS_OF_A_BLOCK = 20000
NOTE = "the customer called about the last invoice and was told that the amount is right; " * 8


def write_table(path, source):
    """Repeats the rows of `source` under ever new ids, each with a long note; returns (rows, positives)."""
    header, *rows = source.read_bytes().splitlines()
    parts = [row.split(b",", 1)[1] for row in rows]
    block = b"".join(b"%05d-@@@@,%05d-@@@@ %s,%s\n" % (n, n, NOTE.encode(), part) for n, part in enumerate(parts))
    identifier, others = header.split(b",", 1)
    blocks = 0
    with open(path, "wb") as file:
        file.write(identifier + b",note," + others + b"\n")
        while file.tell() < SIZE:
            file.write(block.replace(b"@@@@", b"%04d" % blocks))
            blocks += 1
    return blocks * len(rows), blocks * sum(row.endswith(b",Yes") for row in rows)


def measured(*arguments, cwd):
    """Runs tenure; returns (its JSON, peak resident memory in MB)."""
    process = subprocess.Popen([TENURE, *map(str, arguments), "--json"], cwd=cwd, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    with process.stdout, process.stderr:
        answer, errors = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AssertionError(f"tenure {arguments} ended with {process.returncode}:\n{answer}\n{errors}")
    return json.loads(answer), usage.ru_maxrss // 1024


class LargeTable(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        free = shutil.disk_usage(cls.folder).free
        if free < DISK_NEEDED:
            raise unittest.SkipTest(f"{cls.folder} has {free >> 20} MB free; this test needs {DISK_NEEDED >> 20} MB")
        small = cls.folder / "small.csv"
        tenure("data", "generate", "telco", "--rows", ROWS_OF_A_BLOCK, "--out", small)
        cls.table = cls.folder / "large.csv"
        cls.rows, cls.positives = write_table(cls.table, small)

    def checked(self, *arguments, cwd=None):
        answer, memory = measured(*arguments, cwd=cwd or self.folder)
        self.assertLess(memory, MEMORY_MAX, f"MB used by tenure {arguments}")
        return answer

    def test_it_is_described(self):
        self.assertGreater(self.table.stat().st_size, 2**31)
        profile = self.checked("data", "profile", self.table, "--label", "Churn")
        self.assertEqual(profile["rows"], self.rows)
        self.assertAlmostEqual(profile["positive_share"], self.positives / self.rows)
        columns = {column["name"]: column for column in profile["columns"]}
        self.assertEqual(columns["Contract"]["distinct"], 3)
        self.assertEqual(columns["MonthlyCharges"]["type"], "number")
        self.assertLess(profile["sampled_rows"], self.rows)

    def test_it_is_understood_cleaned_and_split(self):
        project = self.folder / "project"
        facts = self.checked("init", "--from", self.table, "--label", "Churn", project)
        self.assertEqual((facts["rows"], facts["id"], facts["positive"]), (self.rows, "customerID", "Yes"))
        self.assertAlmostEqual(facts["positive_percent"], 100 * self.positives / self.rows)
        self.assertEqual([column["column"] for column in facts["ignored"]], ["note"])
        self.checked("run", "--until", "split", cwd=project)
        counts = tenure("data", "query", "SELECT count(*) AS rows, sum(label) AS positives FROM data", "--json", cwd=project)
        self.assertEqual(json.loads(counts.stdout)["rows"], [[self.rows, self.positives]])
        self.assertEqual(list((project / ".tenure").rglob("*.tmp")), [])


if __name__ == "__main__":
    unittest.main()
