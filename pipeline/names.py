"""Names that people choose: which may be one, which there are, and that each stands for the same values for ever."""

from __future__ import annotations

import re
from typing import Any

import datajoint as dj

from pipeline.errors import UserError

LONGEST = 64  # characters, as in the definitions of the tables
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{LONGEST - 1}}}")


def check_name(name: str) -> None:
    """Raises UserError where a name would not do as a key, a file's name and a shell's word."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"name {name!r} is not allowed; allowed are 1 to 64 letters, digits, '-', '_' and '.', "
            "the first a letter or digit"
        )


def check_known(table: type[dj.Manual], name: str) -> None:
    """Raises UserError where there is no recording, or training set, of that name."""
    (attribute,) = table.primary_key
    # MySQL and MariaDB take names in capitals for the same, Python does not
    if name not in (table & {attribute: name}).to_arrays(attribute).tolist():
        known = ", ".join(table.to_arrays(attribute, order_by=attribute)) or "none yet"
        raise UserError(f"there is no recording {name!r} (there are: {known}); `hypercolumn ingest` declares one")


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
