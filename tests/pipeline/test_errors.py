"""What errors are taken for, whichever library raises them."""

from __future__ import annotations

import errno

import datajoint as dj
import psycopg2
import pymysql
import pytest

from pipeline.errors import explained, is_full_disk

FULL = [
    OSError(errno.ENOSPC, "No space left on device", "/store/weights"),
    OSError(errno.EDQUOT, "Disk quota exceeded", "/store/weights"),
    psycopg2.errors.DiskFull('could not extend file "base/1": No space left on device'),
    psycopg2.errors.DiskFull('could not extend file "base/1": Disk quota exceeded'),
    pymysql.err.OperationalError(1114, "The table 'saved_state' is full"),
    pymysql.err.OperationalError(1021, "Disk full (/tmp/#sql); waiting for someone to free some space..."),
]
OTHERS = [
    OSError(errno.EACCES, "Permission denied", "/store/weights"),
    pymysql.err.OperationalError(1213, "Deadlock found when trying to get lock"),
    pymysql.err.InterfaceError(0, ""),
    dj.DataJointError("1114"),
]
AWAY = [
    dj.errors.LostConnectionError("Connection was lost"),
    pymysql.err.OperationalError(2003, "Can't connect to MySQL server on 'lab' (111)"),
    psycopg2.OperationalError('connection to server at "lab" failed: Connection refused'),
    psycopg2.InterfaceError("connection already closed"),
]
REFUSED = [
    pymysql.err.OperationalError(1153, "Got a packet bigger than 'max_allowed_packet' bytes"),
    pymysql.err.OperationalError(3780, "Referencing column 'seed' and referenced column 'seed' are incompatible."),
    psycopg2.OperationalError('connection failed: FATAL:  password authentication failed for user "lab"'),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_full_disk(error):
    assert is_full_disk(error)
    assert explained(error).startswith("no room is left on the disk (")
    later = dj.DataJointError("it could not be inserted")
    later.__cause__ = error
    assert is_full_disk(later)


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_another_error(error):
    assert not is_full_disk(error)


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_a_server_that_is_away(error):
    assert explained(error).startswith("the database server does not answer (")


@pytest.mark.parametrize("error", REFUSED, ids=str)
def test_a_server_that_refuses(error):
    assert explained(error).startswith("the database server refuses (")
