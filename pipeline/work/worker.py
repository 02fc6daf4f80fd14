"""Working off what is declared: `populate()` from DataJoint's own job queue until nothing is left."""

from __future__ import annotations

import logging
import math
import random
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import datajoint as dj

import schemas
from pipeline.errors import UserError, is_full_disk
from pipeline.work import lease, queue
from schemas import device as chosen_device
from schemas import server

TABLES: dict[str, type[dj.Computed]] = {computed.__name__: computed for computed in schemas.computed_tables()}


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


def use_device(device: str | None) -> None:
    """Compute on this device from now on; None takes CUDA where there is a device and the CPU otherwise."""
    if device is not None:
        import torch

        try:
            kind = torch.device(device)
        except RuntimeError as error:
            raise UserError(f"device {device!r} is unknown; allowed are cpu, cuda, cuda:0, ...") from error
        if kind.type not in ("cpu", "cuda"):
            raise UserError(f"device {device!r} is not supported; allowed are cpu, cuda, cuda:0, ...")
        if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
            raise UserError(
                f"device {device!r} is not there; this machine has {torch.cuda.device_count()} CUDA devices"
            )
    chosen_device.use(device)


def tables_named(name: str | None = None) -> list[dj.Computed]:
    """The computed table of that name, all of them for None, in the order in which they depend."""
    if name is None:
        return [computed() for computed in TABLES.values()]
    if name not in TABLES:
        raise UserError(f"table {name!r} is not computed; allowed are {', '.join(TABLES)}")
    return [TABLES[name]()]


def work(table: str | None = None) -> tuple[int, list[str]]:
    """Take jobs until none is pending; gives how many were done and an error line for each that failed."""
    done = list(outcomes(tables_named(table)))
    failures = [outcome.line for outcome in done if outcome.error is not None]
    return len(done) - len(failures), failures


def outcomes(
    tables: Sequence[dj.Computed], restrictions: Sequence[Any] = (), poll: float | None = None
) -> Iterator[Outcome]:
    """Take jobs of these tables, a table before those that depend on it, until none is pending.

    restrictions: of what is taken, as for `populate`. poll: seconds after which to look again, for ever.
    Jobs of dead processes go back to the queue first. A job that is interrupted goes back, too, and so do all of
    this process when the server was away or had a deadlock; KeyboardInterrupt and a full disk end it, a job that fails
    does not.
    """
    connection = dj.conn()
    losses = 0  # since something was done
    with _sigterm_as_interrupt(), lease.held() as mine:
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
                    with suppress(Exception):  # where the server cannot be reached, the lease runs out
                        _give_back(tables, mine)
                    if server.is_interrupt(error):
                        raise KeyboardInterrupt from None
                    raise
                log.warning("the database server was away or in a deadlock (%s)", " ".join(str(error).split()))
                server.make_sure_of(connection)
                server.patiently(connection, lambda: _give_back(tables, mine))


def _one_pass(tables: Sequence[dj.Computed], restrictions: Sequence[Any]) -> Iterator[Outcome]:
    """Work off the tables one after the other; now and then put back the jobs of dead processes, of all of them."""
    recovered = -math.inf
    for computed in tables:
        queue.refresh(computed, restrictions)
        while True:
            if time.monotonic() > recovered + lease.LIFETIME:
                queue.recover(tables)
                recovered = time.monotonic()
            keys = queue.most_urgent(computed, restrictions)
            if not keys:
                break
            # by chance, so that workers that begin together do not run after the same one
            outcome = _do(computed, random.choice(keys))
            if outcome is not None:
                yield outcome


def _do(computed: dj.Computed, key: dict[str, Any]) -> Outcome | None:
    """Do one job; None where another process has it, or where it is declared no more."""
    options = {"reserve_jobs": True, "refresh": False, "suppress_errors": True, "return_exception_objects": True}
    try:
        done = computed.populate(key, max_calls=1, **options)
    except SystemExit:  # a scheduler's SIGTERM, which DataJoint turns into this
        with suppress(Exception):  # where the server has gone away by now, `queue.recover` does it
            queue.put_back(computed, key, "error")
        raise KeyboardInterrupt from None
    for _, error in done["error_list"]:
        if isinstance(error, KeyboardInterrupt):
            with suppress(Exception):
                queue.put_back(computed, key, "error")
            raise error
        if server.patiently(computed.connection, lambda: bool(computed & key) or not computed.key_source & key):
            (computed.jobs & key).delete()
            return None
        if is_full_disk(error) or server.passes(error):
            server.patiently(computed.connection, lambda: queue.put_back(computed, key, "error"))
            raise error
        _let_go(error)
        return Outcome(type(computed).__name__, key, error)
    return Outcome(type(computed).__name__, key, None) if done["success_count"] else None


def _let_go(error: BaseException | None) -> None:
    """Free what the job held: model and recording hang on the frames of its error, and of those that it came from."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _give_back(tables: Sequence[dj.Computed], mine: dict[str, Any]) -> None:
    """Make pending what this process has taken."""
    for computed in tables:
        queue.put_back(computed, mine)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM, with which schedulers end a process, ends work as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
