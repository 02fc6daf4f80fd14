"""What a server is that answers, which tables it has, and whether this user may declare more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import datajoint as dj

import schemas
from pipeline.database import schema_version
from pipeline.doctor.finding import Finding, fault, ok, warning

KNOWN = {"MySQL": ((8, 0), (8, 4)), "PostgreSQL": ((15, 0), (18, 99))}  # with which DataJoint and the tests work
TABLES = "tables"


def check(connection: dj.Connection, prefix: str) -> Iterator[Finding]:
    yield _server(connection.query("SELECT VERSION()").fetchone()[0])
    may = may_declare(connection, prefix)
    found = schema_version.found(connection, prefix)
    if found is None and not may:
        yield fault(TABLES, "none, and this user may not declare them", "an administrator runs `hypercolumn migrate`")
        return
    if found is None:
        yield ok(TABLES, "none yet; the first command declares them")
        return
    schema_version.check(found)
    try:
        schemas.activate(prefix, declare=False)
    except schemas.MissingTableError as error:
        yield fault(TABLES, str(error), "`hypercolumn migrate` makes what is missing, once for all workers")
        return
    yield ok(TABLES, f"of version {found}; this user may {'declare more' if may else 'declare none'}")


def _server(said: str) -> Finding:
    name = "PostgreSQL" if said.startswith("PostgreSQL") else "MariaDB" if "MariaDB" in said else "MySQL"
    numbers = re.search(r"(\d+)(?:\.(\d+))?", said)  # "19beta1" of PostgreSQL, before the compiler's own
    number = (int(numbers[1]), int(numbers[2] or 0)) if numbers else (0, 0)
    found = f"{name} {number[0]}.{number[1]}"
    if name not in KNOWN:
        return warning("server", found, "DataJoint supports MySQL 8.0 to 8.4 and PostgreSQL from 15 on, and no MariaDB")
    least, most = KNOWN[name]
    if number < least:
        return fault("server", f"{found} is too old", f"{name} {least[0]}.{least[1]} or later is needed")
    if number > most:
        return warning("server", f"{found} is newer than what was tried", f"known to work is up to {most[0]}")
    return ok("server", found)


def may_declare(connection: dj.Connection, prefix: str) -> bool:
    """Whether DataJoint's configuration and the server let this user declare tables."""
    if not dj.config["database.create_tables"]:
        return False
    if connection.adapter.backend == "postgresql":
        return bool(connection.query("SELECT has_database_privilege(current_database(), 'CREATE')").fetchone()[0])
    return any(_lets_create(grant, f"{prefix}dataset") for (grant,) in connection.query("SHOW GRANTS").fetchall())


def _lets_create(grant: Any, schema: str) -> bool:
    found = re.match(r"GRANT (.*?) ON [`\"]?(.+?)[`\"]?\.\* TO", str(grant))
    if found is None or not {"ALL PRIVILEGES", "CREATE"} & {word.strip() for word in found[1].split(",")}:
        return False
    # As in LIKE: % is anything, _ any character, and \_ an underscore.
    parts = re.findall(r"\\.|.", found[2])
    like = "".join({"%": ".*", "_": "."}.get(part, re.escape(part[-1])) for part in parts)
    return found[2] == "*" or re.fullmatch(like, schema) is not None
