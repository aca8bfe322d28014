"""The Python environment of the peers: made on demand, kept outside the repository."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "tenure" / "bench-venv"


def interpreter():
    """Path of the environment's Python; makes the environment when it is missing or outdated."""
    home = folder()
    stamp = home / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    python = home / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    print(f"bench: installing the Python peers into {home}", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=60)
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
         str(REQUIREMENTS)],
        check=True,
        timeout=400,
    )
    stamp.write_text(wanted)
    return str(python)


def versions(names):
    """Installed versions of the named packages."""
    code = (
        "import importlib.metadata, json, sys;"
        "print(json.dumps({n: importlib.metadata.version(n) for n in sys.argv[1:]}))"
    )
    answer = subprocess.run(
        [interpreter(), "-c", code, *names], check=True, capture_output=True, text=True, timeout=60
    )
    return json.loads(answer.stdout)
