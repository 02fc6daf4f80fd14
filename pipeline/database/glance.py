"""What the embedded database holds, at a glance: without DataJoint, and without starting a server that does not run.

For what must come at once: completions, and the words that `hypercolumn` alone says.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import psycopg2
from psycopg2 import sql

from pipeline.database import DEFAULT_PREFIX
from pipeline.database.embedded import EmbeddedServer, default_home
from pipeline.errors import UserError


class Counts(NamedTuple):
    """How much there is: of recordings, of trainings that are declared, of trained models."""

    recordings: int
    tasks: int
    models: int


def may_be_configured() -> bool:
    """Whether DataJoint may be configured for a server of the lab's own; only DataJoint knows for certain."""
    here = Path.cwd()
    return "DJ_HOST" in os.environ or any((folder / "datajoint.json").exists() for folder in (here, *here.parents))


def is_new() -> bool:
    """Whether the embedded server has never been started."""
    return not (default_home() / "postgres" / "data").exists()


def counts() -> Counts | None:
    """None where the server does not run, or its tables are not there."""
    query = "SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {}), (SELECT count(*) FROM {})"
    tables = [("dataset", "dataset"), ("training", "training_task"), ("training", "__trained_model")]
    found = _ask(query, *tables)
    return Counts(*found[0]) if found else None


def names(schema: str, table: str, column: str) -> list[str]:
    """The values of a column; none where the server does not run, or the table is not there."""
    found = _ask(f'SELECT DISTINCT "{column}" FROM {{}} ORDER BY 1', (schema, table))
    return [name for (name,) in found]


def _ask(query: str, *tables: tuple[str, str]) -> list[tuple]:
    if may_be_configured():
        return []
    prefix = os.environ.get("HYPERCOLUMN_PREFIX") or DEFAULT_PREFIX
    named = [sql.Identifier(prefix + schema, table) for schema, table in tables]
    try:
        server = EmbeddedServer(default_home())
        if not server.is_running():
            return []
        connection = psycopg2.connect(server.url, connect_timeout=2)
    except (psycopg2.Error, UserError):
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(query).format(*named))
            return cursor.fetchall()
    except psycopg2.Error:  # no such table yet, or no longer
        return []
    finally:
        connection.close()
