"""A real PostgreSQL server on a free loopback port, for tests and benchmarks: Debian's package, in a temporary folder."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

USER, PASSWORD = "tenure", "tenure-test"
START_SECONDS = 60


def programs():
    """The folder of the newest installed server's programs, or None."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class PostgresqlServer:
    """Starts the server; ends it and removes its files at the end.

    PostgreSQL refuses root, so root starts it as another user. Commits are durable (fsync) unless told otherwise.
    """

    def __init__(self, *settings, fsync=True):
        self.programs = programs()
        if self.programs is None:
            raise unittest.SkipTest("PostgreSQL's server is not installed (Debian package postgresql)")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tenure-postgresql-"))
        self.account = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.settings = ["listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.folder}",
                         f"fsync={'on' if fsync else 'off'}", "max_connections=100", *settings]
        self.process = None

    def __enter__(self):
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o644)
        data = self.folder / "data"
        try:
            self.run("initdb", "-D", data, "-U", USER, f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8",
                     "--locale=C.UTF-8", "--no-sync")
            options = [word for setting in self.settings for word in ("-c", setting)]
            with open(self.folder / "log", "w") as log:
                self.process = subprocess.Popen([self.programs / "postgres", "-D", data, *options], cwd="/", stdout=log,
                                                stderr=log, stdin=subprocess.DEVNULL, **self.account)
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # its "fast" way to end
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            asked = subprocess.run([self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)])
            if asked.returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-500:]}")

    def run(self, program, *arguments):
        done = subprocess.run([self.programs / program, *map(str, arguments)], cwd="/", capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=600, env={**os.environ, "PGPASSWORD": PASSWORD},
                              **self.account)
        if done.returncode != 0:
            raise AssertionError(f"{program}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def sql(self, database, statements):
        """Runs statements; the rows of the last one as lists of texts."""
        out = self.run("psql", "-h", "127.0.0.1", "-p", self.port, "-U", USER, "-d", database, "-X", "-q", "-A", "-t",
                       "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", statements)
        return [line.split("\t") for line in out.splitlines()]

    def create_database(self, name, template="template0"):
        """A new database with the tables and rows of another, which nobody may be connected to; returns its URL."""
        self.sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def url(self, database):
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"
