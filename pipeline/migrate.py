"""Bringing a database to what this version of the tables needs, in one step and by one process."""

from __future__ import annotations

import pipeline


def migrate() -> list[str]:
    """Declare what is missing; gives a line for each schema."""
    import schemas

    pipeline.connect()
    return [f"{module.schema.database}: {len(module.schema.list_tables())} tables" for module in schemas.modules()]
