"""All tables of all schemas."""

from __future__ import annotations

from collections.abc import Iterator

import schemas  # first, since it quiets DataJoint's import

import datajoint as dj  # isort: skip


def declared_tables() -> Iterator[type[dj.Table]]:
    """Every table of every schema, parts included."""
    for module in schemas.modules():
        for table in vars(module).values():
            if isinstance(table, type) and issubclass(table, dj.Table) and table.__module__.startswith(module.__name__):
                yield from (
                    one for one in (table, *vars(table).values()) if "definition" in getattr(one, "__dict__", {})
                )
