"""Rows under names that people chose: a name stands for the same values for ever."""

from __future__ import annotations

from typing import Any

import datajoint as dj

from pipeline.errors import UserError


def is_new(table: type[dj.Table], row: dict[str, Any]) -> bool:
    """Whether there is no row of that name yet. Raises UserError where there is one with other values."""
    key = {name: row[name] for name in table.primary_key}
    known = (table & key).to_dicts()
    if known and any(known[0][name] != value for name, value in row.items()):
        raise taken(*next(iter(key.items())))
    return not known


def insert_named(table: type[dj.Table], row: dict[str, Any]) -> None:
    """Insert a row unless it is there already. Raises UserError where its name stands for other values."""
    if is_new(table, row):
        table.insert1(row)


def taken(kind: str, name: str) -> UserError:
    return UserError(f"{kind} {name!r} is in this database with other values; give the new one another name")
