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
