"""More values for a column that is an enum: DataJoint's own `alter` can change a column on MySQL alone."""

from __future__ import annotations

import re

import datajoint as dj


def widen(table: dj.Table, column: str) -> None:
    """Let a column that is there, and is never null, take the values of the table's definition; may be repeated."""
    connection, adapter = table.connection, table.connection.adapter
    if adapter.backend == "mysql":
        table.alter(prompt=False)
        return
    found = re.search(
        rf"^\s*{column}\s*:\s*(?P<type>enum\([^)]*\))[ \t]*(#[ \t]*(?P<comment>.*))?$", table.definition, re.M
    )
    assert found is not None, f"{column} is no enum of {table.table_name}"
    declared, comment = found["type"], (found["comment"] or "").strip()
    # On PostgreSQL an enum is a type of its own, which DataJoint names by its values and shares between tables.
    before = [name for (name,) in connection.query(adapter.get_table_enum_types_sql(table.database, table.table_name))]
    adapter.get_pending_enum_ddl(table.database)
    new = adapter.core_type_to_sql(declared).replace("{database}", table.database)
    (creation,) = adapter.get_pending_enum_ddl(table.database)
    name = adapter.quote_identifier(column)
    with connection.transaction:
        if connection.query("SELECT to_regtype(%s)", (new,)).fetchone()[0] is None:
            connection.query(creation)
        connection.query(f"ALTER TABLE {table.full_table_name} ALTER {name} TYPE {new} USING {name}::text::{new}")
        connection.query(adapter.column_comment_ddl(table.full_table_name, column, f":{declared}:{comment}"))
        for old in before:
            if not connection.query(adapter.enum_type_in_use_sql(old)).fetchone():
                connection.query(adapter.drop_enum_type_ddl(old))
