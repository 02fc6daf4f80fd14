"""SQL that a user gives: one condition and no more, read in a transaction in which nothing can be written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import datajoint as dj
import psycopg2
import pymysql
from datajoint.errors import LostConnectionError

from pipeline.database.fetch import fetch_rows
from pipeline.errors import UserError

# Where a quoted text ends must be the same for MySQL, PostgreSQL and us: so no backslash stands before a quote, and
# in backticks, which quote for MySQL alone, is only what would be harmless without them.
BACKSLASH = re.compile(r"""\\['"]""")
QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`\w+`""")
NOT_IN_A_CONDITION = re.compile(r"""--|/\*|[;#$'"`]""")


def rows_where(
    query: dj.QueryExpression, condition: str, columns: list[str], order_by: list[str], *, example: str
) -> list[dict[str, Any]]:
    """The rows of a query that meet a user's condition in SQL; nothing is written, whatever it says.

    columns: those that are read beside the key; the condition may be about any.
    Raises UserError, with an example of a condition, where it is none or the server refuses it.
    """
    try:
        _check(condition)
        with read_only():
            return fetch_rows((query & condition).proj(*columns), order_by)
    except LostConnectionError:
        raise
    except (ValueError, dj.DataJointError, psycopg2.Error, pymysql.Error) as error:
        said = next((part for part in error.args if isinstance(part, str)), "")  # beside codes and the query
        reason = said.strip().split("\n")[0]
        raise UserError(f'{condition!r} is not a condition on the results ({reason}); try "{example}"') from error


@contextmanager
def read_only() -> Iterator[None]:
    """A transaction in which nothing can be written; it ends with a rollback.

    Raises LostConnectionError, connected anew, where the connection is gone by then, and UserError where a
    transaction is open already.
    """
    connection = dj.conn()
    if connection.in_transaction:
        raise UserError("a condition in SQL needs a transaction of its own, and one is open; end that first")
    # MySQL sets the mode of the next transaction only; its statement here takes the place of the one just begun.
    is_mysql = connection.adapter.backend == "mysql"
    connection.start_transaction()
    try:
        connection.query("START TRANSACTION READ ONLY" if is_mysql else "SET TRANSACTION READ ONLY")
        yield
    finally:
        try:
            connection.cancel_transaction()
        except Exception as error:  # of a lost connection, which DataJoint does not mend on PostgreSQL
            connection.connect()
            connection.cancel_transaction()
            raise LostConnectionError(" ".join(str(error).split())) from error


def _check(condition: str) -> None:
    """Raises ValueError unless the SQL is a single expression, which cannot end the query that it stands in."""
    if BACKSLASH.search(condition):
        raise ValueError("a backslash before a quote is not allowed, write '' for a quote in a text")
    bare = QUOTED.sub(" ", condition)
    if found := NOT_IN_A_CONDITION.search(bare):
        raise ValueError(f"{found[0]} is not allowed outside of a text")
    depth = 0
    for bracket in re.findall(r"[()]", bare):
        depth += 1 if bracket == "(" else -1
        if depth < 0:
            break
    if depth:
        raise ValueError("its brackets do not match")
