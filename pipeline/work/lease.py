"""Leases: how others know that a process which takes jobs still lives.

It renews its row in `Lease` by the server's clock, on a connection of its own. Who does not is dead for all others,
and its jobs are taken by them.
"""

from __future__ import annotations

import math
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import datajoint as dj
import psutil

from schemas import device, server
from schemas.work import Lease

HEARTBEAT = 10.0  # seconds from one renewal to the next
LIFETIME = 60.0  # seconds without one after which a process is dead
# Of the server's clock, and not its local time: when summer time begins, all leases would be an hour old at once.
NOW = {"mysql": "UTC_TIMESTAMP(3)", "postgresql": "(CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC')"}

_mine: _Heartbeat | None = None


@contextmanager
def held(give_back: Callable[[dict[str, Any]], Any]) -> Iterator[dict[str, Any]]:
    """While it is open, jobs that this process takes are left to it; gives what tells its jobs.

    give_back: puts the jobs that this tells back in the queue; without that no lease ends, for a job that is taken by
    nobody known would be found by nobody. Where it fails, the lease runs out by itself.
    """
    global _mine
    connection = Lease.connection
    key = {"host": platform.node(), "pid": os.getpid(), "connection_id": connection.connection_id}
    row = key | {"process_space": process_space(), "device": str(device.current())}
    heartbeat = server.patiently(connection, lambda: _take(key, row, give_back))
    heartbeat.start()
    _mine = heartbeat
    try:
        yield key
    except BaseException:  # it may have cut a query short, or left a transaction open
        with suppress(Exception):
            server.connect_anew(connection)
        raise
    finally:
        try:
            with suppress(Exception):  # of a server that is away, for instance
                give_back(key)
                heartbeat.end()
                (Lease & key).delete_quick()
        finally:
            _mine = None
            heartbeat.end()


def _take(key: dict[str, Any], row: dict[str, Any], give_back: Callable[[dict[str, Any]], Any]) -> _Heartbeat:
    """Take a lease; gives what will renew it."""
    give_back(key)  # of a process before, which had the same numbers
    (Lease & key).delete_quick()
    heartbeat = _Heartbeat(Lease.connection, row)
    heartbeat.take(Lease.connection)
    return heartbeat


def dead() -> list[dict[str, Any]]:
    """Keys of the leases of processes that are no more."""
    connection = Lease.connection
    here = (Lease & {"process_space": process_space()}).to_dicts()
    found = [lease for lease in here if not _lives(lease["pid"])]
    # After a pause of the server nobody could renew: all get as long as a lease takes to run out. That it was away is
    # told by how long it is up; that it stood still, by the lease of this process.
    if _seconds_up(connection) > LIFETIME and not (_mine and _mine.was_late(connection)):
        interval = connection.adapter.interval_expr(LIFETIME, "second")
        found += (Lease & f"renewed < {now(connection)} - {interval}").to_dicts()
    return [{name: lease[name] for name in Lease.primary_key} for lease in found]


def alive() -> list[dict[str, Any]]:
    """The leases of the processes that are not dead, but for this one's own."""
    mine = {"host": platform.node(), "pid": os.getpid(), "process_space": process_space()}
    gone = [tuple(key.values()) for key in dead()]
    return [
        row
        for row in Lease.to_dicts()
        if tuple(row[name] for name in Lease.primary_key) not in gone and not mine.items() <= row.items()
    ]


def now(connection: dj.Connection) -> str:
    """The time by which leases are renewed, in SQL."""
    return NOW[connection.adapter.backend]


def process_space() -> str:
    """What tells this machine since it started, and the container on it: in it, a pid means one process."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():
        return f"{platform.node()} {psutil.boot_time():.0f}"
    return f"{boot.read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _seconds_up(connection: dj.Connection) -> float:
    if connection.adapter.backend == "mysql":
        return float(connection.query("SHOW GLOBAL STATUS LIKE 'Uptime'").fetchone()[1])
    return float(
        connection.query("SELECT EXTRACT(EPOCH FROM CURRENT_TIMESTAMP - pg_postmaster_start_time())").fetchone()[0]
    )


class _Heartbeat(threading.Thread):
    """Renews a lease from a thread of its own, whatever the others do; a server that is away is tried again."""

    def __init__(self, connection: dj.Connection, row: dict[str, Any]) -> None:
        super().__init__(daemon=True, name="heartbeat")
        self._row, self._ended = row, threading.Event()
        self._info, self._config = dict(connection.conn_info), connection._config
        table, clock = Lease.full_table_name, now(connection)
        key = " AND ".join(f"{name} = %s" for name in Lease.primary_key)
        limit = connection.adapter.interval_expr(LIFETIME / 2, "second")
        self._take = f"INSERT INTO {table} ({', '.join(row)}, renewed) VALUES ({'%s, ' * len(row)}{clock})"
        self._renew = f"UPDATE {table} SET renewed = {clock} WHERE {key}"
        self._ask = f"SELECT renewed < {clock} - {limit} FROM {table} WHERE {key}"
        self._last_late = -math.inf

    def take(self, connection: dj.Connection) -> None:
        """Insert the lease."""
        connection.query(self._take, list(self._row.values()), reconnect=False)

    def was_late(self, connection: dj.Connection) -> bool:
        """Whether it could not be renewed in time: now, or no longer ago than a lease takes to run out.

        The server stood still, or its clock was set, or this process; others may not have renewed theirs since.
        """
        row = connection.query(self._ask, self._key(), reconnect=False).fetchone()
        if row is None or row[0]:  # none: others took it for dead
            self._last_late = time.monotonic()
        return time.monotonic() - self._last_late < LIFETIME

    def run(self) -> None:
        connection = None
        while not self._ended.wait(HEARTBEAT):
            try:
                connection = connection or self._connect()
                self.was_late(connection)
                # Others may have taken it for dead, when it could not reach the server.
                if not connection.query(self._renew, self._key(), reconnect=False).rowcount:
                    self.take(connection)
            except Exception:  # of whatever kind: the next beat tries again
                connection = None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _key(self) -> list[Any]:
        return [self._row[name] for name in Lease.primary_key]

    def end(self) -> None:
        self._ended.set()
        self.join(timeout=1.0)  # and no longer: it may be waiting for a server that is away

    def _connect(self) -> dj.Connection:
        info = self._info
        return dj.Connection(
            info["host"],
            info["user"],
            info["passwd"],
            info["port"],
            info["ssl_input"],
            database_name=info["database_name"],
            config_override=self._config,
        )
