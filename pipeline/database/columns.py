"""New columns of a table that is there: DataJoint's own `alter` cannot add one with a default on PostgreSQL."""

from __future__ import annotations

import re

import datajoint as dj
from datajoint.declare import compile_attribute


def add_columns(table: dj.Table, *columns: str) -> None:
    """Add columns of the table's definition, which has a default for each, unless they are there; may be repeated."""
    connection, adapter = table.connection, table.connection.adapter
    for column in columns:
        if column in table.heading.names:
            continue
        found = re.search(rf"^\s*{column}\s*=.*$", table.definition, re.M)
        assert found is not None, f"{column} has no default in the definition of {table.table_name}"
        _, sql, _, comment = compile_attribute(found[0].strip(), False, [], {}, adapter)
        connection.query(f"ALTER TABLE {table.full_table_name} ADD COLUMN {sql}")
        if apart := adapter.column_comment_ddl(table.full_table_name, column, comment):  # of PostgreSQL
            connection.query(apart)
