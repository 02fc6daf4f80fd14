"""The connection to the server, which may be lost while something is computed, and is then made again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import psycopg2
import pymysql
from datajoint.errors import LostConnectionError

PAUSE = 1.0  # seconds from one try to the next
SAY_AGAIN = 60.0  # seconds from one line about a server that is away to the next
# MySQL's and MariaDB's errors: shutting down, no server, gone, lost, killed, timed out
MYSQL_LOST = {1053, 1927, 2002, 2003, 2006, 2013, 2055, 4031}
POSTGRESQL_LOST = ("08", "57P")  # classes: connection exception, operator intervention
MYSQL_IN_THE_WAY = {1205, 1213}  # waited too long for a lock; deadlock
POSTGRESQL_IN_THE_WAY = ("40", "55P03")  # transaction rollback, deadlocks among them; lock not available

Given = TypeVar("Given")

log = logging.getLogger("hypercolumn")
_start_server: Callable[[], Any] | None = None


def start_with(start: Callable[[], Any] | None) -> None:
    """From now on, `start` is called before connecting again, to make sure that a server of our own runs."""
    global _start_server
    _start_server = start


def is_lost(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is that the server cannot be reached."""
    # DataJoint passes on what the drivers say of a connection that was closed before
    kinds = (LostConnectionError, psycopg2.InterfaceError, pymysql.err.InterfaceError)
    return _is_of(error, kinds, MYSQL_LOST, POSTGRESQL_LOST)


def is_away(error: BaseException | None) -> bool:
    """Whether an error is that the server cannot be reached, and none of those with which it refuses a user."""
    return is_lost(error) and not any(_is_refusal(one) for one in _chain(error))


def passes(error: BaseException | None) -> bool:
    """Whether the same may be tried again: the server could not be reached, or others' transactions were in the way."""
    if is_interrupt(error):
        return False
    return is_lost(error) or _is_of(error, (), MYSQL_IN_THE_WAY, POSTGRESQL_IN_THE_WAY)


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is Ctrl-C or SIGTERM, or came of one: whoever rolls back without a server loses them."""
    return any(isinstance(one, KeyboardInterrupt | SystemExit) for one in _chain(error))


def reach(connection: Any, *, start: bool = True) -> bool:
    """Whether the server answers, after one try to connect again if it does not. Not for use in a transaction.

    start: whether a server of our own that does not run is started, which takes its time.
    """
    return _out_of_reach(connection, start=start) is None


def connect_anew(connection: Any) -> None:
    """Connect again, and leave behind whatever was open: a transaction, or a query that an interrupt cut short."""
    with suppress(Exception):
        connection.close()
    connection.connect()
    connection._in_transaction = False


def make_sure_of(connection: Any) -> None:
    """Wait until the server answers, however long; a line now and then, and for each new reason, says why it does not.

    Raises at once what a server of our own says that cannot be started, on a full disk for instance.
    """
    next_line, said = 0.0, ""
    while _unanswered(connection) is not None:
        if _start_server is not None:
            _start_server()
        reason = _out_of_reach(connection)
        if reason is None:
            return
        if time.monotonic() > next_line or str(reason) != said:
            said = str(reason)
            log.warning("the database server does not answer (%s); trying again until it does", " ".join(said.split()))
            next_line = time.monotonic() + SAY_AGAIN
        time.sleep(PAUSE)


def patiently(connection: Any, step: Callable[[], Given]) -> Given:
    """What a step gives, which is done again where the server was away meanwhile. Not for use in a transaction."""
    while True:
        try:
            return step()
        except Exception as error:
            if not passes(error):
                raise
            make_sure_of(connection)


def _out_of_reach(connection: Any, *, start: bool = True) -> Exception | None:
    """Why the server does not answer, after one try to connect again; None where it does."""
    if _unanswered(connection) is None:
        return None
    try:
        if start and _start_server is not None:
            _start_server()
        connect_anew(connection)
    except Exception as error:  # of whatever kind: it cannot be reached now
        return error
    return _unanswered(connection)


def _unanswered(connection: Any) -> Exception | None:
    """DataJoint's own `is_connected` does not notice a lost connection on PostgreSQL."""
    try:
        connection.query("SELECT 1", reconnect=False)
    except Exception as error:
        return error
    return None


def _is_refusal(error: BaseException) -> bool:
    # PostgreSQL's driver gives no code to an error of connecting. The server says FATAL, the network does not.
    if not isinstance(error, psycopg2.OperationalError) or error.pgcode is not None:
        return False
    return "FATAL" in str(error) and "the database system is" not in str(error)  # starting up, shutting down


def _is_of(
    error: BaseException | None, kinds: tuple[type[Exception], ...], mysql: set[int], postgresql: tuple[str, ...]
) -> bool:
    """Whether an error, or one that it came from, is of these kinds or of these codes of a server."""
    for one in _chain(error):
        if isinstance(one, kinds):
            return True
        if isinstance(one, pymysql.err.OperationalError) and one.args and one.args[0] in mysql:
            return True
        # without a code it is the driver that could not connect
        if isinstance(one, psycopg2.OperationalError) and (one.pgcode or "08").startswith(postgresql):
            return True
    return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
