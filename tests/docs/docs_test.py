#!/usr/bin/env python3
"""The documents are true about the repository: files they name exist, links resolve, indexes are whole.

    python3 tests/docs/docs_test.py        from the repository's root
"""

import glob
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE_SUFFIXES = (".h", ".cpp", ".py", ".md", ".lua", ".cmake", ".txt")
# Made by a build, a run or a benchmark, so they are absent from a fresh clone.
GENERATED = ("build/", ".tenure/", ".deps/")
ADR_SECTIONS = ["Status", "Context", "Decision", "Consequences", "Alternatives", "References"]

INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
# `owner/name: path, path` cites another repository.
FOREIGN = re.compile(r"\b[\w-]+/[\w.-]+:\s+`[^`\n]+`(?:,\s+`[^`\n]+`)*")
FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)


def documents():
    """Every Markdown document that speaks about the repository."""
    found = [path for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
             if (path := ROOT / name).exists()]
    for folder in ("docs", "bench", "changes", "src", "tests", "examples"):
        found += sorted(path for path in (ROOT / folder).rglob("*.md")
                        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))
    return found


def prose(path):
    """The text without fenced blocks, which are checked by those who run them."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def top_names():
    return {entry.name for entry in ROOT.iterdir()}


def domains():
    return {entry.name for entry in (ROOT / "src").iterdir() if entry.is_dir()}


def named_path(code, names, folders):
    """The repository path that a piece of inline code names, or None when it names something else.

    `src/core/error.h` is one; so is `core/error.h`, read below src/. A path with a variable part such as
    <protocol> is none; `*` and {a,b} are expanded by the caller.
    """
    if not re.fullmatch(r"[\w.{},*/-]+", code) or code.startswith(("/", "-")) or ".." in code:
        return None
    if code.startswith(GENERATED) or code in (prefix.rstrip("/") for prefix in GENERATED):
        return None
    first, slash, _ = code.partition("/")
    if slash and first in names:
        return code
    if slash and first in folders and code.endswith(SOURCE_SUFFIXES):
        return "src/" + code
    return None


def expand_braces(path):
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return [path]
    return [whole for choice in match.group(1).split(",")
            for whole in expand_braces(path[:match.start()] + choice + path[match.end():])]


def exists(path):
    if "*" in path:
        return bool(glob.glob(str(ROOT / path), recursive=True))
    return (ROOT / path).exists()


def anchors(path):
    """The anchors of a document's headings, as GitHub makes them."""
    seen, result = {}, set()
    for title in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", prose(path), re.M):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title).lower())
        slug = slug.strip().replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        result.add(f"{slug}-{number}" if number else slug)
    return result


def broken_link(document, target):
    """What is wrong with a link, or None."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    name, _, anchor = target.partition("#")
    place = (document.parent / name).resolve() if name else document
    if not place.is_relative_to(ROOT):
        return f"'{target}' leaves the repository"
    if not place.exists():
        return f"'{target}' does not exist"
    if anchor and place.suffix == ".md" and anchor not in anchors(place):
        return f"'{target}' names no heading"
    return None


class Documents(unittest.TestCase):
    def test_there_are_documents_to_check(self):
        self.assertGreater(len(documents()), 20)

    def test_every_path_that_a_document_names_exists(self):
        names, folders = top_names(), domains()
        missing = []
        for document in documents():
            for code in INLINE_CODE.findall(FOREIGN.sub("", prose(document))):
                path = named_path(code, names, folders)
                missing += [f"{document.relative_to(ROOT)}: `{code}`"
                            for one in expand_braces(path or "") if path and not exists(one)]
        self.assertEqual(missing, [], "named, but not there:\n" + "\n".join(missing))

    def test_every_relative_link_resolves(self):
        broken = []
        for document in documents():
            text = INLINE_CODE.sub("", prose(document))
            for target in LINK.findall(text) + IMAGE.findall(text):
                if reason := broken_link(document, target):
                    broken.append(f"{document.relative_to(ROOT)}: {reason}")
        self.assertEqual(broken, [], "broken links:\n" + "\n".join(broken))

    def test_no_document_names_a_path_of_one_machine(self):
        for document in documents():
            with self.subTest(document=str(document.relative_to(ROOT))):
                found = re.findall(r"(?<![\w.~])/(?:root|home)/\w+", document.read_text(encoding="utf-8"))
                self.assertEqual(found, [])


class DecisionRecords(unittest.TestCase):
    FOLDER = ROOT / "docs" / "adr"

    def records(self):
        return sorted(self.FOLDER.glob("[0-9]*.md"))

    def test_are_numbered_from_one_without_gaps(self):
        numbers = [int(path.name[:4]) for path in self.records()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_have_all_sections_in_order(self):
        for path in self.records():
            with self.subTest(record=path.name):
                text = path.read_text(encoding="utf-8")
                self.assertEqual(re.findall(r"^## (.*)$", text, re.M), ADR_SECTIONS)
                self.assertTrue(text.startswith(f"# {path.name[:4]}: "), "the title starts with the number")

    def test_fit_on_a_page(self):
        for path in self.records():
            with self.subTest(record=path.name):
                self.assertLessEqual(len(path.read_text(encoding="utf-8").splitlines()), 70)

    def test_are_all_in_the_index_with_title_and_status(self):
        rows = []
        for path in self.records():
            text = path.read_text(encoding="utf-8")
            title = text.splitlines()[0].removeprefix(f"# {path.name[:4]}: ")
            status = re.search(r"^## Status\n+(\w+)", text, re.M).group(1)
            rows.append(f"| [{path.name[:4]}]({path.name}) | {title} | {status} |")
        index = (self.FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
        self.assertEqual([line for line in index if re.match(r"\| \[\d", line)], rows)


class ChangeNotes(unittest.TestCase):
    def test_are_typed_and_name_a_domain(self):
        known = domains() | {"docs", "bench", "build"}
        for path in sorted((ROOT / "changes").glob("*.md")):
            if path.name == "README.md":
                continue
            for line in path.read_text(encoding="utf-8").splitlines():
                with self.subTest(note=path.name, line=line):
                    match = re.match(r"\[(FEATURE|CHANGE|FIX|PERF|SECURITY)\] ([\w-]+): \S.*$", line)
                    self.assertTrue(match, "expected '[TYPE] domain: sentence'")
                    self.assertIn(match.group(2), known)


class Checks(unittest.TestCase):
    """The checks above can fail."""

    def test_a_path_is_told_from_other_code(self):
        names, folders = {"src", "docs"}, {"core", "data"}
        for code, expected in {
            "src/core/error.h": "src/core/error.h",
            "core/error.h": "src/core/error.h",
            "src/api/<protocol>/": None,
            "data/telco.csv": None,
            "mlflow/server/handlers.py": None,
            "/predict": None,
            "core::Error": None,
            "docs/adr/*.md": "docs/adr/*.md",
        }.items():
            with self.subTest(code=code):
                self.assertEqual(named_path(code, names, folders), expected)

    def test_citations_of_other_repositories_are_left_out(self):
        text = "see apache/kvrocks: `src/commands/`, `src/types/` and `src/core/error.h`"
        self.assertEqual(INLINE_CODE.findall(FOREIGN.sub("", text)), ["src/core/error.h"])

    def test_braces_expand(self):
        self.assertEqual(expand_braces("a/{b,c}.h"), ["a/b.h", "a/c.h"])

    def test_a_missing_file_or_heading_is_a_broken_link(self):
        document = ROOT / "docs" / "adr" / "README.md"
        self.assertIsNone(broken_link(document, "../flows/predict.md"))
        self.assertIsNone(broken_link(document, "https://example.org/x"))
        self.assertIn("does not exist", broken_link(document, "9999-nothing.md"))
        self.assertIn("no heading", broken_link(document, "../flows/predict.md#nothing"))
        self.assertIn("leaves", broken_link(document, "../../../x.md"))


if __name__ == "__main__":
    unittest.main()
