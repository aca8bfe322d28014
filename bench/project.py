"""A temporary copy of the example project, and the `tenure` commands run in it."""

import contextlib
import csv
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from measure import ROOT, Skip, Wrong, last_json_object

# The training of both sides is pinned to the same work: no choice of a preset, no early stopping.
ROUNDS = 400
PARAMETERS = {
    "learning_rate": "0.03",
    "max_depth": "3",
    "min_child_weight": "5",
    "subsample": "0.8",
    "colsample_bytree": "0.6",
    "reg_lambda": "5",
}


def pinned_variables():
    variables = {
        "TENURE_MODEL__PRESET": "light",
        "TENURE_MODEL__ROUNDS": str(ROUNDS),
        "TENURE_MODEL__EARLY_STOPPING_ROUNDS": "0",
        "TENURE_MODEL__CROSS_VALIDATION__FOLDS": "5",
    }
    for name, value in PARAMETERS.items():
        variables[f"TENURE_MODEL__PARAMS__{name.upper()}"] = value
    return variables


def library_parameters():
    """The same for XGBoost itself, as NAME=VALUE."""
    pairs = {"objective": "binary:logistic", "tree_method": "hist", "seed": "42"}
    pairs |= PARAMETERS | {"nthread": str(os.cpu_count())}
    return [f"{name}={value}" for name, value in pairs.items()]


class Project:
    """A folder with tenure.yaml. `data` is the CSV that all contenders read."""

    def __init__(self, tenure, folder, data):
        self.tenure = tenure
        self.folder = folder
        self._given_data = data
        self._yaml = (folder / "tenure.yaml").read_text(encoding="utf-8")

    def environment(self, extra=None):
        variables = {k: v for k, v in os.environ.items() if not k.startswith("TENURE_")}
        if self._given_data:
            variables["TENURE_DATA__SOURCE"] = str(self._given_data)
        return variables | (extra or {})

    def call(self, arguments, variables=None, seconds=120):
        """Runs `tenure ARGUMENTS` in the project; returns its output."""
        answer = subprocess.run(
            [self.tenure, *arguments],
            cwd=self.folder, env=self.environment(variables), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds,
        )
        if answer.returncode != 0:
            raise Wrong(
                f"tenure {' '.join(arguments)} ended with {answer.returncode}: "
                f"{answer.stderr.strip()[-500:]}"
            )
        return answer.stdout

    def run(self, variables=None):
        """`tenure run --json`: the summary it ends with."""
        summary = last_json_object(self.call(["run", "--json"], variables))
        for key in ("run_id", "model", "version", "metrics", "seconds"):
            if key not in summary:
                raise Wrong(f"tenure run --json: no '{key}' in {sorted(summary)}")
        return summary

    def clear(self):
        """Forgets all state, so that the next run is a first run."""
        shutil.rmtree(self.folder / ".tenure", ignore_errors=True)

    @property
    def data(self):
        if self._given_data:
            return self._given_data
        source = self._scalar("source")
        if not source:
            raise Wrong(f"{self.folder}/tenure.yaml names no data.source")
        return (self.folder / source).resolve()

    @property
    def cleaned_table(self):
        """The Parquet file of the one run there was."""
        return self._only(".tenure/data/*/table.parquet")

    @property
    def model_folder(self):
        """The MLflow folder of the one model there is."""
        return self._only(".tenure/objects/**/model/transform.json").parent

    def _only(self, pattern):
        found = list(self.folder.glob(pattern))
        if len(found) != 1:
            raise Wrong(f"{len(found)} files {pattern} after one run")
        return found[0]

    @property
    def id_column(self):
        return self._scalar("id") or "customerID"

    def ids(self):
        with open(self.data, newline="", encoding="utf-8-sig") as file:
            return [row[self.id_column] for row in csv.DictReader(file)]

    def _scalar(self, key):
        """A plain scalar of section `data`, as the example writes it."""
        section = re.search(r"^data:\s*\n((?:[ \t]+.*\n|\s*\n|#.*\n)*)", self._yaml + "\n", re.M)
        if not section:
            return None
        value = re.search(rf"^\s+{key}:\s*([^\s#{{]+)", section.group(1), re.M)
        return value.group(1).strip("\"'") if value else None


@contextlib.contextmanager
def temporary_project(options):
    """A copy of options.project without state; removed after. Errors: Skip when there is no build."""
    if not os.access(options.tenure, os.X_OK):
        raise Skip(f"{options.tenure} is missing: build it first with ./dev build")
    source = pathlib.Path(options.project)
    if not (source / "tenure.yaml").exists():
        raise Skip(f"{source} has no tenure.yaml; pass --project FOLDER")
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as temporary:
        folder = pathlib.Path(temporary) / "project"
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".tenure"))
        yield Project(str(pathlib.Path(options.tenure).resolve()), folder, options.data)


def build_floor(target):
    """Builds one program of bench/ in build/ and returns its path."""
    if not (ROOT / "build" / "CMakeCache.txt").exists():
        raise Skip("build/ is not configured: run ./dev build first")
    subprocess.run(
        ["cmake", "--build", str(ROOT / "build"), "--target", target],
        check=True, stdout=subprocess.DEVNULL, timeout=300,
    )
    return str(ROOT / "build" / target)
