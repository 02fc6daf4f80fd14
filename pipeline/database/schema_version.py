"""Which version of the tables a database has."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

import datajoint as dj

import schemas
from pipeline.errors import UserError

BEFORE_VERSIONS = 1  # of tables that were declared before versions were kept


def found(connection: dj.Connection, prefix: str) -> int | None:
    """The version of the tables behind a prefix; None where there are none yet. Needs no bound tables."""
    rows = connection.query(
        "SELECT table_name FROM information_schema.tables WHERE (table_schema = %s AND table_name = 'training_task') "
        "OR (table_schema = %s AND table_name = 'installation')",
        (f"{prefix}training", f"{prefix}work"),
    ).fetchall()
    names = {name for (name,) in rows}
    if "installation" in names:
        quote = connection.adapter.quote_identifier
        table = f"{quote(f'{prefix}work')}.{quote('installation')}"
        newest = connection.query(f"SELECT MAX(schema_version) FROM {table}").fetchone()[0]
        if newest is not None:
            return int(newest)
    return BEFORE_VERSIONS if names else None


def check(number: int | None) -> None:
    """Raises UserError where the tables are of another version than this program's."""
    if number is not None and number < schemas.VERSION:
        raise UserError(
            f"the tables are of version {number}, this program needs {schemas.VERSION}; stop all workers, make a "
            "backup, then `hypercolumn migrate`"
        )
    if number is not None and number > schemas.VERSION:
        raise UserError(
            f"the tables are of version {number}, this program knows {schemas.VERSION}; install a newer hypercolumn"
        )


def note() -> None:
    """Keep that the tables are of this program's version."""
    from schemas.work import Installation

    row = {"schema_version": schemas.VERSION, "package_version": version("hypercolumn")}
    Installation.insert1(row | {"since": datetime.now(UTC).replace(tzinfo=None)}, skip_duplicates=True)
