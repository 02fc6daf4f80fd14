"""What `hypercolumn doctor` says of servers, their tables, and who may declare more."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import datajoint as dj
import pytest

import schemas
from pipeline.doctor.database import _lets_create, _server, may_declare


def drop(connection: dj.Connection, schema: str) -> None:
    cascade = " CASCADE" if connection.adapter.backend == "postgresql" else ""
    connection.query(f"DROP SCHEMA IF EXISTS {schema}{cascade}")


@pytest.fixture
def elsewhere(connection) -> Iterator[str]:
    """The prefix of schemas that are not there yet, on the server of the tests."""
    prefix = f"hypercolumn_test_{secrets.token_hex(4)}_"
    yield prefix
    for module in reversed(schemas.modules()):
        drop(connection, prefix + module.__name__.rpartition(".")[2])


def test_tables_that_are_not_there(hypercolumn, connection, elsewhere):
    def tables() -> tuple[int, str, str]:
        done = hypercolumn("doctor", "--json", HYPERCOLUMN_PREFIX=elsewhere)
        (one,) = (one for one in json.loads(done.out)["findings"] if one["what"] == "tables")
        return done.code, one["found"], one["advice"]

    assert tables() == (0, "none yet; the first command declares them", "")
    assert hypercolumn("status", HYPERCOLUMN_PREFIX=elsewhere).code == 0
    assert tables() == (0, "of version 4; this user may declare more", "")
    drop(connection, f"{elsewhere}clustering")
    mends = "`hypercolumn migrate` makes what is missing, once for all workers"
    assert tables() == (2, f"the database has no schema {elsewhere}clustering", mends)
    assert hypercolumn("migrate", HYPERCOLUMN_PREFIX=elsewhere).code == 0
    assert tables() == (0, "of version 4; this user may declare more", "")


@pytest.mark.parametrize(
    ("said", "state", "found"),
    [
        ("PostgreSQL 18.4 on x86_64-pc-linux-gnu, compiled by gcc (GCC) 10.2.1, 64-bit", "ok", "PostgreSQL 18.4"),
        ("PostgreSQL 14.20 (Debian 14.20-1) on x86_64-pc-linux-gnu", "fault", "PostgreSQL 14.20 is too old"),
        (
            "PostgreSQL 19beta1 on x86_64-pc-linux-gnu, compiled by gcc (Debian 14.2.0-19) 14.2.0, 64-bit",
            "warning",
            "PostgreSQL 19.0 is newer than what was tried",
        ),
        ("8.0.36-28", "ok", "MySQL 8.0"),
        ("9.1.0", "warning", "MySQL 9.1 is newer than what was tried"),
        ("5.7.44-log", "fault", "MySQL 5.7 is too old"),
        ("11.8.3-MariaDB-0+deb13u1", "warning", "MariaDB 11.8"),
    ],
)
def test_servers(said, state, found):
    finding = _server(said)
    assert (finding.state, finding.found) == (state, found)
    assert bool(finding.advice) == (state != "ok")


def test_who_may_declare(connection):
    assert may_declare(connection, "hypercolumn_")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(dj.config, "database.create_tables", False)
        assert not may_declare(connection, "hypercolumn_")


@pytest.mark.parametrize(
    ("grant", "lets"),
    [
        ("GRANT USAGE ON *.* TO `me`@`%`", False),
        ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", True),
        (r"GRANT ALL PRIVILEGES ON `hypercolumn\_%`.* TO `admin`@`%`", True),
        (r"GRANT SELECT, CREATE ON `hypercolumn%`.* TO `admin`@`%`", True),
        (r"GRANT SELECT, CREATE VIEW ON `hypercolumn\_%`.* TO `reader`@`%`", False),
        (r"GRANT CREATE ON `other\_%`.* TO `me`@`%`", False),
        ("GRANT `role`@`%` TO `me`@`%`", False),
    ],
)
def test_grants(grant, lets):
    assert _lets_create(grant, "hypercolumn_dataset") is lets
