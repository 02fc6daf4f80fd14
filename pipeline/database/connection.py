"""Where the rows are: the embedded server, or the one that DataJoint is configured for."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import datajoint as dj
from datajoint.settings import Config, find_config_file
from filelock import FileLock

import schemas
from pipeline.database import DEFAULT_PREFIX, schema_version
from pipeline.database.embedded import EmbeddedServer, default_home
from pipeline.database.store import STORE, check_store
from pipeline.errors import UserError, said
from schemas import server

log = logging.getLogger("hypercolumn")


def connect(*, declare: bool = True, patience: float = 0.0) -> dj.Connection:
    """Connect to the database and bind all tables; what does not exist yet is declared, unless `declare` is False.

    patience: seconds for which a server that is away is tried again; a line says so.
    Without a `datajoint.json` and without `DJ_HOST`, that is the embedded server, which is started if need be.
    Raises UserError where a server does not answer, no store is configured, the configuration is malformed, the
    tables are of another version, or some are missing that may not be declared.
    """
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            return _connect(declare)
        except Exception as error:
            if not server.is_away(error) or time.monotonic() > deadline:
                raise
            if not told:
                log.warning("%s; trying again for %.0f s", said(error), patience)
            told = True
            time.sleep(server.PAUSE)


def _connect(declare: bool) -> dj.Connection:
    with opened() as (connection, prefix):
        server.reach(connection)  # which a try before may have lost again
        found = schema_version.found(connection, prefix)
        schema_version.check(found)
        try:
            schemas.activate(prefix, declare=declare)
        except schemas.MissingTableError as error:
            raise UserError(f"{error}; `hypercolumn migrate` makes what is missing, once for all workers") from error
        if found is None:
            schema_version.note()
    return connection


@contextmanager
def opened() -> Iterator[tuple[dj.Connection, str]]:
    """A connection, and what stands before the names of schemas; on the embedded server nobody else declares meanwhile.

    Two processes that declare the same tables at once would trip over each other.
    """
    if is_configured():
        check_file()
        check_store()
        yield open_connection()
        return
    embedded = EmbeddedServer(default_home())
    embedded.start()
    server.start_with(embedded.start)
    _configure(embedded)
    with FileLock(embedded.home / "declare.lock"):
        yield open_connection()


def is_configured() -> bool:
    """Whether DataJoint is configured for a server of the lab's own."""
    return "DJ_HOST" in os.environ or find_config_file() is not None


def check_file() -> None:
    """Raises UserError where DataJoint cannot read its file, of which it only warns, as if there were none."""
    path = find_config_file()
    if path is None:
        return
    try:
        Config().load(path)
    except Exception as error:  # of json, of pydantic, or whatever a list in place of an object leads to
        reason = said(error)
        # Not `from error`: what pydantic says holds the value, which may be a password.
        raise UserError(f"{path}: is not a configuration that DataJoint can read ({reason}); mend it") from None


def open_connection() -> tuple[dj.Connection, str]:
    """DataJoint's connection, and what stands before the names of schemas. Raises UserError where there is none."""
    if "DJ_LOG_LEVEL" not in os.environ:
        logging.getLogger("datajoint").setLevel(logging.CRITICAL)  # commands tell errors themselves
    host, port = dj.config["database.host"], dj.config["database.port"]
    try:
        connection = dj.conn()
    except Exception as error:  # DataJoint passes on whatever the driver raises
        raise UserError(
            f"the database server {host}:{port} cannot be used ({said(error)}); start it, or check database.host, "
            "port, user and password in DataJoint's configuration"
        ) from error
    prefix = os.environ.get("HYPERCOLUMN_PREFIX") or dj.config["database.database_prefix"] or DEFAULT_PREFIX
    return connection, prefix


def _configure(embedded: EmbeddedServer) -> None:
    dj.config["database.backend"] = "postgresql"
    dj.config["database.host"] = str(embedded.socket_directory)
    dj.config["database.port"] = embedded.port
    dj.config["database.user"] = embedded.user
    dj.config["database.password"] = ""  # the socket's folder is what keeps others out
    dj.config["database.name"] = embedded.database
    dj.config["database.use_tls"] = False
    store = {"protocol": "file", "location": str(embedded.home / "store")}
    dj.config["stores"] = {"default": STORE, STORE: store}
    (embedded.home / "store").mkdir(exist_ok=True)
