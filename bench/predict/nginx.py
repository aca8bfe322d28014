"""The physical floor of serving: nginx that answers so many bytes from memory."""

import contextlib
import os
import pathlib
import shutil

import processes
from measure import Skip

CONFIGURATION = """\
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 4096; }}
http {{
  access_log off;
  default_type application/json;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ return 200 '{answer}'; }}
  }}
}}
"""


def program():
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not path:
        raise Skip("nginx is missing: apt-get install nginx-light")
    return path


@contextlib.contextmanager
def serving(folder, size, workers):
    """nginx on a free port, in the foreground; yields the port. Every path answers `size` bytes."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    port = processes.free_port()
    log = folder / "nginx.log"
    answer = '{"filler":"' + "x" * max(0, size - 13) + '"}'
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder, port=port, workers=workers, answer=answer,
            user="user root;" if os.geteuid() == 0 else "",
        )
    )
    command = [program(), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration)]
    with processes.running(command, log) as process:
        processes.wait_until_ok(process, port, "/", log)
        yield port
