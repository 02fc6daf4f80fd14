"""The database server: the embedded one, or the one that DataJoint is configured for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

import psutil

from pipeline.database import postgres
from pipeline.database.connection import check_file, is_configured, open_connection, opened
from pipeline.database.embedded import EmbeddedServer, default_home
from pipeline.database.server_account import ELSEWHERE, is_private
from pipeline.database.store import STORE, check_store
from pipeline.doctor import database, machine, store
from pipeline.doctor.finding import Finding, fault, guarded, ok, warning

OF_A_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p")


def check(*, start: bool) -> Iterator[Finding]:
    if is_configured():
        yield from _configured()
    else:
        yield from _embedded(start=start)


def _configured() -> Iterator[Finding]:
    check_file()
    yield ok("configuration", "DataJoint is configured for a server of your own")
    yield from guarded("server", _of_the_lab)
    yield from guarded("store", _store_of_the_lab)


def _of_the_lab() -> Iterator[Finding]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the server's version; `database.check` says that
        connection, prefix = open_connection()
    yield from database.check(connection, prefix)


def _store_of_the_lab() -> Iterator[Finding]:
    import datajoint as dj

    check_store()
    yield from store.check(dj.config.get_store_spec(STORE))


def _embedded(*, start: bool) -> Iterator[Finding]:
    server = EmbeddedServer(default_home())
    yield _home(server)
    folder = server.home / "postgres"
    programs = postgres.find_programs(folder / "data")
    if not (folder / "data").exists():
        yield machine.room("room for the database", server.home, f"free some, or {ELSEWHERE}", postgres.ROOM)
    else:
        yield machine.room("room for the database", folder, f"free some, or {ELSEWHERE}", postgres.ROOM // 4)
    running = server.is_running()
    if not running and not start:
        is_new = not (folder / "data").exists()
        found = "none yet; the first command that needs it makes it" if is_new else "not running; it starts when needed"
        yield ok("embedded server", f"{found} (`hypercolumn doctor --start` tries that); programs in {programs}")
        return
    started = not running and server.start()
    try:
        yield ok("embedded server", "starts" if started else "runs")
        yield from guarded("embedded server", _tables_and_store)
    finally:
        if started:
            server.stop()


def _home(server: EmbeddedServer) -> Finding:
    """The folder that holds everything: whose it is, whether it can be written, on what disk it is."""
    what, home = "HYPERCOLUMN_HOME", server.home
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return fault(what, f"{there} cannot be written", f"make it this user's, or {ELSEWHERE}")
    data = home / "postgres"
    if data.exists() and not is_private(data):
        return warning(what, f"{data} is not this user's alone", "it becomes so at the next start; see who else was in")
    mounts = [part for part in psutil.disk_partitions(all=True) if there.is_relative_to(part.mountpoint)]
    # The last of those at one place lies over the others, as a network's disk does over what mounts it when needed.
    kind = max(reversed(mounts), key=lambda part: len(part.mountpoint)).fstype if mounts else ""
    if kind.startswith(OF_A_NETWORK):
        return warning(what, f"{home} is on a network's disk ({kind}), where a database may be lost", ELSEWHERE)
    return ok(what, str(home))


def _tables_and_store() -> Iterator[Finding]:
    import datajoint as dj

    with opened() as (connection, prefix):
        yield from database.check(connection, prefix)
    yield from store.check(dj.config.get_store_spec(STORE))
