"""Working off what is declared: `populate()` from DataJoint's own job queue until nothing is left."""

from __future__ import annotations

import logging
import math
import random
import signal
import threading
import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NamedTuple

import datajoint as dj

from models.interrupts import deferred
from pipeline.database.store import check_answers
from pipeline.errors import is_full_disk
from pipeline.visible import visible_lines
from pipeline.work import lease, queue
from pipeline.work.tables import tables_named
from schemas import provenance, server

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP
COMPUTING = ["torch", "models.build", "models.training", "torch._dynamo"]  # the last is imported by the optimisers
MOST_LOSSES = 10  # of a connection or a transaction, one after the other with nothing done between

log = logging.getLogger("hypercolumn")


class Outcome(NamedTuple):
    """A job that was done, or failed."""

    table: str
    key: dict[str, Any]
    error: BaseException | None

    @property
    def line(self) -> str:
        """Its error, as DataJoint keeps it."""
        message = str(self.error)
        return type(self.error).__name__ + (f": {message}" if message else "")


def work(table: str | None = None) -> tuple[int, list[str]]:
    """Take jobs until none is pending; gives how many were done and an error line for each that failed."""
    done = list(outcomes(tables_named(table)))
    failures = [outcome.line for outcome in done if outcome.error is not None]
    return len(done) - len(failures), failures


def outcomes(
    tables: Sequence[dj.Computed], restrictions: Sequence[Any] = (), poll: float | None = None
) -> Generator[Outcome, None, None]:
    """Take jobs of these tables, a table before those that depend on it, until none is pending.

    restrictions: of what is taken, as for `populate`. poll: seconds after which to look again, for ever.
    Jobs of dead processes go back to the queue first. A job that is interrupted goes back, too, and so do all of
    this process when the server was away or had a deadlock; KeyboardInterrupt, a full disk and a store that does not
    answer end it, a job that fails does not.
    """
    connection = dj.conn()
    losses = 0  # since something was done
    with _signals_as_interrupt(), _imported(COMPUTING), lease.held(queue.put_back_of) as mine:
        while True:
            try:
                anything = False
                for outcome in _one_pass(tables, restrictions):
                    anything, losses = True, 0
                    yield outcome
                losses = 0
                if anything:
                    continue  # there may be jobs now that depend on what was done
                if poll is None:
                    return
                time.sleep(poll)
            except BaseException as error:
                losses += 1
                if not server.passes(error) or losses > MOST_LOSSES:
                    if server.is_interrupt(error):
                        raise KeyboardInterrupt from None
                    raise
                log.warning("the database server was away or in a deadlock (%s)", " ".join(str(error).split()))
                server.make_sure_of(connection)
                server.patiently(connection, lambda: queue.put_back_of(mine))


def _one_pass(tables: Sequence[dj.Computed], restrictions: Sequence[Any]) -> Iterator[Outcome]:
    """Work off the tables one after the other; now and then put back the jobs of dead processes."""
    recovered = -math.inf
    for computed in tables:
        queue.refresh(computed, restrictions)
        while True:
            if time.monotonic() > recovered + lease.LIFETIME:
                queue.recover()
                recovered = time.monotonic()
            keys = queue.most_urgent(computed, restrictions)
            if not keys:
                break
            # by chance, so that workers that begin together do not run after the same one
            outcome = _do(computed, random.choice(keys))
            if outcome is not None:
                yield outcome


@contextmanager
def _imported(modules: Sequence[str]) -> Iterator[None]:
    """Import them before a job is taken; an interrupt waits until one of them is whole, and is not lost.

    That takes seconds, and Python drops what a handler raises in a callback of a weak reference, which each import has.
    """
    for name in modules:
        with deferred():
            import_module(name)
    provenance.git_commit()  # rows name the code that is imported by now, whatever is checked out afterwards
    yield


def _do(computed: dj.Computed, key: dict[str, Any]) -> Outcome | None:
    """Do one job; None where another process has it, or where it is declared no more."""
    is_done, error = _populate(computed, key)
    if is_done:
        return Outcome(type(computed).__name__, key, None)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        with suppress(Exception):  # where the server has gone away by now, `queue.recover` does it
            queue.put_back(computed, key, "error")
        raise KeyboardInterrupt from None
    if server.patiently(computed.connection, lambda: _is_void(computed, key, error)):
        (computed.jobs & key).delete_quick()
        return None
    if error is None:
        return None
    try:
        if is_full_disk(error) or server.passes(error):
            raise error
        check_answers()  # without a store all jobs would fail, and not this one alone
    except KeyboardInterrupt:  # and whose fault it was is not known
        with suppress(Exception):
            queue.put_back(computed, key, "error")
        raise
    except Exception:
        server.patiently(computed.connection, lambda: queue.put_back(computed, key, "error"))
        raise
    _let_go(error)
    return Outcome(type(computed).__name__, key, error)


def _populate(computed: dj.Computed, key: dict[str, Any]) -> tuple[bool, BaseException | None]:
    """Whether a job was done, and its error, which is kept with it; neither where another process has it."""
    options = {"reserve_jobs": True, "refresh": False, "suppress_errors": True, "return_exception_objects": True}
    try:
        done = computed.populate(key, max_calls=1, **options)
        return bool(done["success_count"]), next((error for _, error in done["error_list"]), None)
    except SystemExit as interrupt:  # a scheduler's SIGTERM, which DataJoint turns into this
        return False, interrupt
    except dj.DataJointError as failure:
        if server.is_lost(failure) or server.passes(failure) or computed.jobs & key:
            raise
        return False, failure.__context__ or failure  # which could not be kept: the job was deleted meanwhile
    except Exception as failure:
        error = failure.__context__
        if error is None or not _is_about_text(failure):
            raise
        _keep_legibly(computed, key, error)
        return False, error


def _is_about_text(failure: Exception) -> bool:
    """Whether driver or server refuse a text: half a character, a zero byte, what its table's encoding lacks."""
    return isinstance(failure, ValueError) or type(failure).__name__ == "DataError"  # of either driver


def _keep_legibly(computed: dj.Computed, key: dict[str, Any], error: BaseException) -> None:
    """Keep with its job an error whose text cannot be kept as it is."""
    texts = Outcome("", key, error).line, "".join(traceback.format_exception(error))
    line, stack = (visible_lines(text).encode("ascii", "backslashreplace").decode() for text in texts)
    computed.jobs.error(key, line, stack)


def _is_void(computed: dj.Computed, key: dict[str, Any], error: BaseException | None) -> bool:
    """Whether a job that was not done is declared no more, or failed since another process has done it."""
    return not computed.key_source & key or (error is not None and bool(computed & key))


def _let_go(error: BaseException | None) -> None:
    """Free what the job held: model and recording hang on the frames of its error, and of those that it came from."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """SIGTERM, with which schedulers end a process, and SIGHUP, with which a terminal does, end work as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
