"""Changes of a table that is there, which DataJoint's own `alter` cannot make on every server."""

from __future__ import annotations

import re

import datajoint as dj
from datajoint.declare import compile_attribute


def add_columns(table: dj.Table, *columns: str) -> None:
    """Add columns of the table's definition, which has a default for each, unless they are there; may be repeated.

    DataJoint's own cannot add one with a default on PostgreSQL.
    """
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


def widen(table: dj.Table, column: str) -> None:
    """Let a column that is there, and is never null, take the values of the table's definition; may be repeated.

    More values for an enum, that is: DataJoint's own can change a column on MySQL alone.
    """
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
