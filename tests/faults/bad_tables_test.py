"""Tables a person may bring by mistake: each gives a clear error and the right exit code, and leaves nothing behind."""
import csv
import unittest

from tenure_process import EXIT_INVALID, EXIT_NOT_FOUND, FAST, make_telco_project, temporary_folder, tenure


class BadTables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(temporary_folder())
        cls.project = make_telco_project(cls.folder / "telco")
        cls.good = cls.folder / "good.csv"
        tenure("data", "generate", "telco", "--rows", 400, "--out", cls.good)
        with open(cls.good, newline="") as file:
            cls.header, *cls.rows = list(csv.reader(file))

    def table(self, header, rows, name="table.csv", delimiter=","):
        path = self.folder / name
        with open(path, "w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([*([header] if header else []), *rows])
        return path

    def changed(self, column, change):
        """A copy of the rows with one column changed: change(value, row number)."""
        at = self.header.index(column)
        return [[change(value, n) if i == at else value for i, value in enumerate(row)] for n, row in enumerate(self.rows)]

    def refused(self, file, *words, code=EXIT_INVALID, extra=()):
        done = tenure("run", "--until", "train", "--data", file, *FAST, *extra, cwd=self.project, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        leftovers = [path for path in (self.project / ".tenure").rglob("*.tmp")]
        self.assertEqual(leftovers, [])

    def test_a_missing_file(self):
        self.refused(self.folder / "nowhere.csv", "nowhere.csv", code=EXIT_NOT_FOUND)

    def test_an_empty_file(self):
        self.refused(self.table(None, []), "table.csv", "empty")

    def test_a_header_and_nothing_else(self):
        self.refused(self.table(self.header, []), "no rows")

    def test_the_wrong_delimiter(self):
        self.refused(self.table(self.header, self.rows, delimiter=";"), "delimiter", extra=("--set", "data.delimiter=,"))

    def test_another_delimiter_is_found_by_itself(self):
        file = self.table(self.header, self.rows, delimiter=";")
        tenure("run", "--until", "split", "--data", file, *FAST, cwd=self.project)

    def test_a_column_gone(self):
        at = self.header.index("MonthlyCharges")
        rows = [row[:at] + row[at + 1:] for row in self.rows]
        self.refused(self.table(self.header[:at] + self.header[at + 1:], rows), "MonthlyCharges")

    def test_a_renamed_column_names_the_nearest(self):
        header = ["MonthlyCharge" if name == "MonthlyCharges" else name for name in self.header]
        self.refused(self.table(header, self.rows), "MonthlyCharges", "MonthlyCharge")

    def test_a_label_with_one_class(self):
        self.refused(self.table(self.header, self.changed("Churn", lambda *_: "No")), "Churn")

    def test_a_label_with_three_values(self):
        rows = self.changed("Churn", lambda value, n: "Maybe" if n % 7 == 0 else value)
        self.refused(self.table(self.header, rows), "Churn", "Maybe")

    def test_ten_rows(self):
        self.refused(self.table(self.header, self.rows[:10]), "rows")

    def test_text_in_a_number_column_names_the_line(self):
        rows = self.changed("MonthlyCharges", lambda value, n: "cheap" if n == 41 else value)
        self.refused(self.table(self.header, rows), "MonthlyCharges", "cheap", "43")

    def test_text_in_a_number_column_can_be_read_as_missing(self):
        rows = self.changed("TotalCharges", lambda value, n: "cheap" if n == 41 else value)
        tenure("run", "--until", "ingest", "--data", self.table(self.header, rows), "--set", "data.bad_values=null", *FAST,
               cwd=self.project)

    def test_duplicate_keys(self):
        self.refused(self.table(self.header, self.rows + self.rows[:3]), self.rows[0][0])

    def test_duplicates_can_be_dropped(self):
        done = tenure("run", "--until", "ingest", "--data", self.table(self.header, self.rows + self.rows[:3]), "--set",
                      "data.duplicates=first", *FAST, cwd=self.project)
        self.assertIn("3 duplicates", done.stderr)

    def test_an_empty_key(self):
        self.refused(self.table(self.header, self.changed("customerID", lambda value, n: "" if n == 5 else value)),
                     "customerID")

    def test_infinity_in_a_number_column(self):
        self.refused(self.table(self.header, self.changed("MonthlyCharges", lambda v, n: "inf" if n == 9 else v)),
                     "MonthlyCharges")

    def test_bytes_that_are_not_utf8(self):
        file = self.folder / "latin1.csv"
        file.write_bytes(self.good.read_bytes().replace(b"Mailed check", b"Mailed ch\xe8que", 1))
        self.refused(file, "UTF-8")

    def test_a_binary_file(self):
        file = self.folder / "binary.csv"
        file.write_bytes(bytes(range(256)) * 64)
        self.refused(file, "binary.csv")

    def test_dirty_but_readable(self):
        """BOM, CRLF, quotes, blanks around names and values, unicode."""
        lines = self.good.read_text().splitlines()
        lines[0] = lines[0].replace("tenure", " tenure ")
        lines[1] = lines[1].replace("Mailed check", '"Mailed check"')
        file = self.folder / "dirty.csv"
        file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n")
        tenure("run", "--until", "ingest", "--data", file, *FAST, cwd=self.project)


if __name__ == "__main__":
    unittest.main()
