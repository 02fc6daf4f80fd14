"""Servers of a test's or a script's own, which may be killed: the embedded one, and a MariaDB.

`variables` are those of the environment with which `hypercolumn` finds the server; those outside are left alone.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

MARIADB = os.environ["PATH"] + ":/usr/sbin:/sbin"  # where Debian has it, not always in a user's path


class Embedded:
    """The server of a home of its own; who connects next starts it again."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.variables = {"HYPERCOLUMN_HOME": str(self.home)}

    def start(self) -> None:
        pass

    def kill(self) -> None:
        number = int((self.home / "postgres/data/postmaster.pid").read_text().split()[0])
        psutil.Process(number).send_signal(signal.SIGKILL)

    def stop(self) -> None:
        from pipeline.database.embedded import EmbeddedServer

        EmbeddedServer(self.home).stop()


class MariaDB:
    """A server in a folder, on a port of the loopback; started again as an administrator would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mariadb"
        self.folder.mkdir()
        self.process: subprocess.Popen | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.password = secrets.token_hex(16)
        self.identified: dict[str, str] = {}  # as root, which has no password at first
        self.user = ["--user=nobody"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "nobody")
            for parent in (self.folder, *self.folder.parents[:2]):
                parent.chmod(parent.stat().st_mode | 0o011)
        store = folder / "store"
        store.mkdir()
        self.variables = {
            "DJ_HOST": "127.0.0.1",
            "DJ_PORT": str(self.port),
            "DJ_BACKEND": "mysql",
            "DJ_USER": "hypercolumn",
            "DJ_PASS": self.password,
            "DJ_STORES": f'{{"default": "main", "main": {{"protocol": "file", "location": "{store}"}}}}',
            "PYTHONWARNINGS": "ignore:MariaDB is not officially supported:UserWarning",
        }
        # a server that starts removes what it finds in the folder for temporary tables, others' too
        self.folders = [f"--datadir={self.folder}/data", f"--tmpdir={self.folder}"]
        self._run("mariadb-install-db", *self.folders, "--auth-root-authentication-method=normal", "--skip-test-db",
                  *self.user)  # fmt: skip
        self.start()
        self.administer(
            f"CREATE USER 'hypercolumn'@'127.0.0.1' IDENTIFIED BY '{self.password}';"
            "GRANT ALL ON `hypercolumn%`.* TO 'hypercolumn'@'127.0.0.1';"
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.password}';"
        )
        self.identified = {"MYSQL_PWD": self.password}

    def start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        command = ["mariadbd", "--no-defaults", *self.user, *self.folders, f"--port={self.port}",
                   f"--socket={self.folder}/socket", "--bind-address=127.0.0.1"]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PATH": MARIADB})
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def administer(self, statements: str) -> None:
        self._run("mariadb", "--user=root", f"--socket={self.folder}/socket", f"--execute={statements}")

    def _run(self, program: str, *arguments: str) -> None:
        env = os.environ | self.identified | {"PATH": MARIADB}
        subprocess.run([program, "--no-defaults", *arguments], env=env, check=True, capture_output=True)
