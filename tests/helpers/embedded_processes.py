"""Looking at an embedded server from outside: its processes, its answers, and other processes that use it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

import pipeline
from pipeline.database.embedded import EmbeddedServer

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="needs root")
START = "import sys; from pathlib import Path; from pipeline.database.embedded import EmbeddedServer as Server\n"
START += "print(Server(Path(sys.argv[1])).start(), flush=True)\n"


def python(code: str, *arguments: object, before: tuple[str, ...] = (), **options) -> subprocess.Popen:
    """Another process of this user, with the same modules."""
    path = [str(Path(pipeline.__file__).parents[1]), *filter(None, sys.path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    command = [*before, sys.executable, "-c", code, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **{"env": environment} | pipes | options)


def query(server: EmbeddedServer, sql: str) -> list[tuple]:
    with closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def postmaster(server: EmbeddedServer) -> psutil.Process:
    return psutil.Process(int((server.home / "postgres/data/postmaster.pid").read_text().split()[0]))


def alive(process: psutil.Process) -> bool:
    """Not gone, and not a zombie that nobody has waited for."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two
        return False


def one_line(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert "\n" not in message, message
    return message
