"""The Python environment of the peers: made on demand, kept outside the repository."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def folder(requirements):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    name = "bench-venv" if requirements == REQUIREMENTS else f"bench-venv-{requirements.parent.name}"
    return pathlib.Path(cache) / "tenure" / name


def interpreter(requirements=REQUIREMENTS):
    """Path of the environment's Python; makes the environment when it is missing or outdated."""
    home = folder(requirements)
    stamp = home / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = home / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    print(f"bench: installing the Python peers into {home}", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=60)
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
         str(requirements)],
        check=True,
        timeout=900,
    )
    stamp.write_text(wanted)
    return str(python)


def versions(names, requirements=REQUIREMENTS):
    """Installed versions of the named packages."""
    code = (
        "import importlib.metadata, json, sys;"
        "print(json.dumps({n: importlib.metadata.version(n) for n in sys.argv[1:]}))"
    )
    answer = subprocess.run(
        [interpreter(requirements), "-c", code, *names], check=True, capture_output=True, text=True, timeout=60
    )
    return json.loads(answer.stdout)
