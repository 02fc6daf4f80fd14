"""The tables whose jobs are worked off, by the names that a user gives."""

from __future__ import annotations

import datajoint as dj

import schemas
from pipeline.errors import UserError

TABLES: dict[str, type[dj.Computed]] = {computed.__name__: computed for computed in schemas.computed_tables()}


def tables_named(name: str | None = None) -> list[dj.Computed]:
    """The computed table of that name, all of them for None, in the order in which they depend."""
    if name is None:
        return [computed() for computed in TABLES.values()]
    if name not in TABLES:
        raise UserError(f"table {name!r} is not computed; allowed are {', '.join(TABLES)}")
    return [TABLES[name]()]
