"""The embedded database: a PostgreSQL of this user's own, for when no server is configured.

pip brings the programs (see postgres.py); when they start and stop is decided here. One server serves all
processes of one user, through a Unix socket that nobody else can open, until it is stopped. Everything of it
is in one folder that only this user can enter, `home/postgres`:

    data/                        PostgreSQL's data directory
    pg_hba.conf, pg_ident.conf   who may connect; written anew at every start
    server.log                   what the server says, and the lock: see `_is_free`
    run/                         the socket, while the server runs
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

import platformdirs
import psutil
import psycopg2

from pipeline.database import postgres
from pipeline.database.server_account import ELSEWHERE, Account, account_for, is_private, make_for, make_private
from pipeline.errors import UserError

if sys.platform != "win32":
    import fcntl

PATIENCE = 60.0  # seconds for a server to start, recover or stop
LARGEST_LOG = 1 << 20  # bytes; a start empties a larger one
LONGEST_SOCKET = 107 if sys.platform == "linux" else 103  # bytes of its path; sun_path also holds a closing zero


class EmbeddedServer:
    """The PostgreSQL server whose data are in `home/postgres`; making the object touches nothing."""

    port: int = 5432
    user = "hypercolumn"
    database = "hypercolumn"

    def __init__(self, home: Path) -> None:
        if sys.platform == "win32":
            raise UserError(
                "the embedded database needs Linux or macOS; work there, or configure DataJoint with a server"
            )
        self.home = Path(home).expanduser().resolve()
        self._folder = self.home / "postgres"
        self._data = self._folder / "data"
        self._unfinished = self._folder / "data.new"
        self._log = self._folder / "server.log"

    @property
    def socket_directory(self) -> Path:
        """Where the socket is: beside the data, or below /tmp if libpq cannot take that path."""
        run = self._folder / "run"
        socket = os.fsencode(run / f".s.PGSQL.{self.port}")
        if len(socket) <= LONGEST_SOCKET and not set(b',"') & set(socket):
            return run
        # Not TMPDIR: all processes of this user must find the same place, and schedulers set it for each job.
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(f"/tmp/hypercolumn-{os.geteuid()}-{digest}/run")

    @property
    def url(self) -> str:
        """The database as a libpq URL."""
        host = quote(os.fsencode(self.socket_directory), safe="")
        return f"postgresql://{self.user}@{host}:{self.port}/{self.database}"

    def is_running(self) -> bool:
        """Whether the server takes connections."""
        # In a folder that is not ours alone, whoever answers could be anyone.
        if not is_private(self.socket_directory.parent):
            return False
        try:
            psycopg2.connect(self.url, connect_timeout=5).close()
        except psycopg2.OperationalError as error:
            return "too many clients" in str(error)
        return True

    def start(self) -> bool:
        """Start the server, on first use with an empty database; False if it was running already."""
        if self.is_running():
            return False
        with self._one_line():
            self.home.mkdir(parents=True, exist_ok=True)
            make_private(self._folder)
            with self._log.open("ab") as log:
                if not self._lock(log):
                    return False
                self._clean()
                if log.tell() > LARGEST_LOG:
                    log.truncate(0)
                begin = log.seek(0, os.SEEK_END)
                programs = postgres.find_programs(self._data)
                account = account_for(programs / "postgres")
                if not self._data.exists():
                    postgres.make_data(self._data, self._unfinished, programs, account, log, self.database)
                self._serve(programs, account, log)
            self._wait_until_ready(begin)
        return True

    def stop(self) -> bool:
        """Stop the server and wait until nothing but the data is left; False if none was running."""
        with self._one_line():
            if not self._log.exists():
                return False
            with self._log.open("ab") as log:
                stopped = self._shut_down(log)
                self._clean()
        return stopped

    def _is_free(self, log: IO[bytes]) -> bool:
        """Take the lock on the open log, if nobody has it.

        initdb and the server inherit it as their standard output. So it is free exactly when no process is
        left that could touch the data, however the others ended: the server may have been killed while its
        children linger, or the process that started it while initdb still runs.
        """
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _lock(self, log: IO[bytes]) -> bool:
        """Wait for the lock; False if a server of another process answers before that."""
        deadline = time.monotonic() + PATIENCE
        while not self._is_free(log):
            if self.is_running():
                return False
            if time.monotonic() > deadline:
                if postgres.is_full(self._log):  # and the server has ended for that, or tries again and again to begin
                    raise UserError(
                        f"no room is left on the disk (the server of {self._data} does not answer); free some and try "
                        f"again; the log is {self._log}"
                    )
                raise UserError(
                    f"{self._data}: is in use, but no server answers (perhaps one on another machine or in "
                    f"another container); stop it there, or {ELSEWHERE}; the log is {self._log}"
                )
            time.sleep(0.02)
        return True

    def _shut_down(self, log: IO[bytes]) -> bool:
        """Ask the server to end, less and less politely, until the lock is ours; whether there was one."""
        found = False
        # PostgreSQL's fast shutdown, its immediate one (the next start recovers), and no choice.
        for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            asked = None
            deadline = time.monotonic() + PATIENCE / 3
            while time.monotonic() < deadline:
                server = self._postmaster()
                if server is None and self._is_free(log):
                    return found
                if server is not None and server != asked:
                    asked, found = server, True
                    with suppress(psutil.Error):
                        server.send_signal(request)
                time.sleep(0.02)
        raise UserError(
            f"the server of {self._data} does not stop (perhaps it is on another machine or in another "
            f"container); stop it there; the log is {self._log}"
        )

    def _postmaster(self) -> psutil.Process | None:
        """The live server that postmaster.pid names: that number may by now be a zombie's, or anyone's."""
        try:
            process = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
            command = process.cmdline()  # fails or is empty for a zombie
        except (FileNotFoundError, ValueError, IndexError, psutil.Error):
            return None
        ours = command and Path(command[0]).name == "postgres" and str(self._data) in command
        return process if ours else None

    def _clean(self) -> None:
        """Under the lock, remove what a dead server or an interrupted first start left."""
        if server := self._postmaster():
            raise UserError(f"process {server.pid} serves {self._data}, not started by hypercolumn; stop it")
        # PostgreSQL would believe a stale one as long as any process has that number.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if self._unfinished.exists():
            shutil.rmtree(self._unfinished)
        run = self.socket_directory
        temporary = run if run.parent == self._folder else run.parent
        if is_private(run.parent) and temporary.exists():
            shutil.rmtree(temporary)

    def _serve(self, programs: Path, account: Account, log: IO[bytes]) -> None:
        """Set the server going, with its socket and with who may connect."""
        hba, ident = self._folder / "pg_hba.conf", self._folder / "pg_ident.conf"
        hba.write_text("local all all peer map=hypercolumn\n")
        ident.write_text(f'hypercolumn "{account.client}" {self.user}\n')
        run = self.socket_directory
        make_private(run.parent)
        make_for(account, run)
        settings = {  # given at each start, for the home may have been moved
            "listen_addresses": "",
            "unix_socket_directories": f'"{run}"',
            "port": str(self.port),
            "hba_file": str(hba),
            "ident_file": str(ident),
            "logging_collector": "off",
            "fsync": "on",
        }
        postgres.launch(self._data, settings, programs, account, log)

    def _wait_until_ready(self, begin: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.is_running():
            with self._log.open("ab") as log:
                if self._is_free(log):  # the server has ended
                    error = postgres.failure("PostgreSQL did not start", self._log, begin)
                    self._clean()
                    raise error
            if time.monotonic() > deadline:
                raise postgres.failure(f"PostgreSQL does not answer after {PATIENCE:.0f} s", self._log, begin)
            time.sleep(0.02)

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Turn what the operating system refuses into an error that the user can read."""
        try:
            yield
        except OSError as error:
            where = error.filename or self._folder
            raise UserError(
                f"the embedded database cannot use {where}: {error.strerror}; mend that, or {ELSEWHERE}"
            ) from error


def default_home() -> Path:
    """The user's data directory: `$HYPERCOLUMN_HOME`, or where the platform keeps such data."""
    return Path(os.environ.get("HYPERCOLUMN_HOME") or platformdirs.user_data_dir("hypercolumn")).expanduser()
