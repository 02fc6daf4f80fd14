"""Where a training stands, kept in the database and the store, so that any machine can go on with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import datajoint as dj
from datajoint.errors import DuplicateError, MissingExternalFile

from models.keeper import Keeper
from schemas import provenance, server
from schemas.codecs import CorruptFileError
from schemas.training.schema import schema
from schemas.training.task import TrainingTask

if TYPE_CHECKING:
    import torch

    from models.training_state import State

LARGEST_SHARE = 0.1  # of a training's time that saving may take; states too large for that are saved less often
SAME = ("versions", "git_commit", "git_dirty")  # or the row would be of two programs

log = logging.getLogger("hypercolumn")


@schema
class SavedState(dj.Manual):
    definition = f"""
    # State of a training that has not ended, from which it goes on; gone when its model is in
    -> TrainingTask
    ---
    steps_taken         : int32         # those included that were taken back
    state               : <safetensors@main>
    {provenance.COLUMNS}
    """

    def discard(self) -> None:
        """Take away all that are left, row first: a file without a row is found by `clean`, a row without is not."""
        for row in self.proj("state").to_dicts():
            (SavedState & {name: row[name] for name in self.primary_key}).delete_quick()
            row["state"].remove()


class DatabaseKeeper(Keeper):
    """Keeps the newest state of the training of one task in `SavedState`, file and row at once or not at all."""

    def __init__(self, key: dict[str, Any], device: torch.device) -> None:
        self._key, self._device = {name: key[name] for name in TrainingTask.primary_key}, device
        self.started, self._seconds_before, self._clock = datetime.now(UTC), 0.0, time.monotonic()
        self._next = 0.0

    @property
    def seconds(self) -> float:
        """Spent on the training, on all machines that had it."""
        return self._seconds_before + time.monotonic() - self._clock

    def provenance(self) -> dict[str, Any]:
        return provenance.of_run(self._device, self.started, self.seconds)

    def load(self) -> State | None:
        rows = (SavedState & self._key).to_dicts()
        if not rows:
            return None
        row, now = rows[0], self.provenance()
        if any(row[name] != now[name] for name in SAME):
            log.warning("a state saved by another version is not used: the training begins anew")
            return None
        try:
            state = row["state"].load()
        except (CorruptFileError, MissingExternalFile) as error:
            log.warning("a saved state cannot be used, the training begins anew: %s", error)
            return None
        self.started, self._seconds_before = row["started"].replace(tzinfo=UTC), row["duration"]
        return state

    def save(self, state: Callable[[], State], *, last: bool = False) -> None:
        begun = time.monotonic()
        if begun < self._next and not last:
            return
        # A scheduler gives those it ends a few seconds; the state of the last validation is there.
        if not server.reach(SavedState.connection, start=not last):
            return  # a training goes on without a server, and its next validation tries again
        try:
            self._replace(state())
        except Exception as error:
            # Another process that trains the same may save at the same moment: what it keeps is as good.
            if not server.passes(error) and not isinstance(error, DuplicateError):
                raise
        took = time.monotonic() - begun
        self._next = time.monotonic() + took * (1 / LARGEST_SHARE - 1)

    def _replace(self, state: State) -> None:
        steps = int(state["standing.steps_taken"])
        mine = SavedState & self._key
        with SavedState.connection.transaction:
            old = mine.to_arrays("state")
            if len(old):  # to delete what is not there would lock others out of the gap, and end in deadlocks on MySQL
                mine.delete_quick()
            SavedState.insert1(self._key | self.provenance() | {"steps_taken": steps, "state": state})
        for stored in old:
            stored.remove()
