"""Recordings that this process has loaded, kept from one job to the next: only the first reads and checks the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.data import Data
from schemas.dataset import Source, TrainingSet

MOST_BYTES = 2**30  # of all that are kept, copies on devices included; the last one is kept, however large it is


@dataclass(frozen=True, eq=False)
class Loaded:
    """A training set, normalised. content_sha256: over the arrays that count, as they were recorded."""

    data: Data
    content_sha256: str


_kept: dict[Source, Loaded] = {}  # the last used last


def load(key: dict[str, Any]) -> Loaded:
    """What the training set of this key holds, by what the database says now.

    Raises CorruptFileError where the stored arrays are not those that were ingested.
    """
    source = (TrainingSet & key).source()
    found = _kept.pop(source, None) or _read(source)
    _kept[source] = found
    while len(_kept) > 1 and sum(kept.data.nbytes for kept in _kept.values()) > MOST_BYTES:
        del _kept[next(iter(_kept))]
    return found


def forget() -> None:
    """Keep none, so that their memory is free."""
    _kept.clear()


def _read(source: Source) -> Loaded:
    recording = source.load()
    digest = source.content_sha256 if source.is_whole else recording.content_sha256()
    return Loaded(Data.from_recording(recording), digest)
