"""Working off what is declared: `populate()` from DataJoint's own job queue until nothing is left."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from typing import Any

import datajoint as dj
import psutil
import torch

import schemas
from pipeline.errors import UserError
from schemas import device as chosen_device

# In the order in which they depend.
TABLES: dict[str, type[dj.Computed]] = {computed.__name__: computed for computed in schemas.computed_tables()}


def use_device(device: str | None) -> None:
    """Compute on this device from now on; None takes CUDA where there is a device and the CPU otherwise."""
    if device is not None:
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


def work(table: str | None = None) -> tuple[int, list[str]]:
    """Take jobs until none is pending; gives how many were done and an error line for each that failed.

    A job that is interrupted goes back to the queue, and so do those of this machine's dead processes.
    """
    done, failures = 0, []
    for computed in _tables(table):
        _put_back_dead(computed)
        for outcome in _outcomes(computed):
            if outcome is None:
                done += 1
            else:
                failures.append(outcome)
    return done, failures


def _tables(name: str | None) -> list[type[dj.Computed]]:
    if name is None:
        return list(TABLES.values())
    if name not in TABLES:
        raise UserError(f"table {name!r} is not computed; allowed are {', '.join(TABLES)}")
    return [TABLES[name]]


def _outcomes(computed: type[dj.Computed]) -> Iterator[str | None]:
    """None for each job that was done, its error for each that failed, until none is pending."""
    while True:
        try:
            status = computed.populate(reserve_jobs=True, suppress_errors=True, max_calls=1)
        except SystemExit:  # a scheduler's SIGTERM, which DataJoint turns into this
            _put_back(computed, "SystemExit")
            raise KeyboardInterrupt from None
        yield from [None] * status["success_count"]
        for _, message in status["error_list"]:
            if message.startswith("KeyboardInterrupt"):
                _put_back(computed, "KeyboardInterrupt")
                raise KeyboardInterrupt
            yield message
        if not computed.jobs.pending:
            return


def _put_back(computed: type[dj.Computed], reason: str) -> None:
    """DataJoint marks a job that is interrupted as failed; without its row it is pending again."""
    mine: dict[str, Any] = {"host": platform.node(), "pid": os.getpid(), "status": "error"}
    (computed.jobs & mine & f"error_message LIKE '{reason}%'").delete()


def _put_back_dead(computed: type[dj.Computed]) -> None:
    for job in (computed.jobs.reserved & {"host": platform.node()}).to_dicts():
        if not psutil.pid_exists(job["pid"]):
            key = {name: job[name] for name in computed.primary_key}
            (computed.jobs & key & {"status": "reserved", "pid": job["pid"]}).delete()
