"""Declaring in a transaction, which is begun again where another process declares the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import datajoint as dj
from datajoint.errors import DuplicateError

from schemas import server

Given = TypeVar("Given")
TRIES = 5


def all_or_nothing(insert: Callable[[], Given], *, keep: bool = True) -> Given:
    """Call it in a transaction, from which all rows are kept or none; gives what it gives.

    What another process inserts at the same time cannot be seen before it is finished, but is in the way. So it is
    called once more, when the others' rows are there. keep: whether the rows are kept; otherwise all are taken back.
    """
    for left in reversed(range(TRIES)):
        try:
            with dj.conn().transaction:
                given = insert()
                if not keep:
                    raise _TakenBack
            return given
        except _TakenBack:
            return given
        except Exception as error:
            others = isinstance(error, DuplicateError) or (server.passes(error) and not server.is_lost(error))
            if not others or not left:
                raise
    raise AssertionError("the last try returns or raises")


class _TakenBack(Exception):  # noqa: N818 - no error
    pass
