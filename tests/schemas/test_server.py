"""Errors of a server that pass: what was in the way of another transaction may be tried again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import datajoint as dj
import psycopg2
import pymysql
import pytest

from schemas import server
from schemas.work import Lease

HOSTS = ("first-in-the-way", "second-in-the-way")


@pytest.fixture
def leases(connection):
    """Two rows that no worker has."""
    rows = [{"host": host, "pid": 1, "connection_id": 1, "process_space": "nowhere", "device": "cpu"} for host in HOSTS]
    Lease.insert(rows)
    yield
    for host in HOSTS:
        (Lease & {"host": host}).delete_quick()


def lock(connection: dj.Connection, host: str) -> None:
    connection.query(f"UPDATE {Lease.full_table_name} SET device = 'cuda' WHERE host = %s", [host])


def test_a_deadlock_passes(connection, leases):
    info = connection.conn_info
    other = dj.Connection(
        info["host"], info["user"], info["passwd"], info["port"], info["ssl_input"],
        database_name=info["database_name"], config_override=connection._config,
    )  # fmt: skip
    with closing(other), ThreadPoolExecutor() as threads:
        both = list(zip((connection, other), HOSTS, strict=True))
        for one, host in both:
            one.start_transaction()
            lock(one, host)
        waiting = [threads.submit(lock, one, host) for (one, _), host in zip(both, HOSTS[::-1], strict=True)]
        errors = [done.exception(timeout=60) for done in waiting]
        for one, _ in both:
            one.cancel_transaction()
    (error,) = [error for error in errors if error is not None]
    assert server.passes(error)
    assert not server.is_lost(error)


@pytest.mark.parametrize("condition", ["no_such_column = 1", "pid = "])
def test_a_mistake_does_not_pass(connection, condition):
    with pytest.raises((dj.DataJointError, psycopg2.Error, pymysql.Error)) as raised:
        connection.query(f"SELECT * FROM {Lease.full_table_name} WHERE {condition}")
    assert not server.passes(raised.value)
