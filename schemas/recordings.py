"""Recordings that this process has loaded, kept from one job to the next: only the first reads and checks the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import models
from schemas.dataset import Source, TrainingSet, joint_sha256

MOST_BYTES = 2**30  # of all that are kept, copies on devices included; the last used is kept, however large it is


@dataclass(frozen=True, eq=False)
class Loaded:
    """A training set, normalised. content_sha256: over the arrays that count, as they were recorded."""

    data: models.Data | models.SharedData
    content_sha256: str


_kept: dict[Source, Loaded] = {}  # the last used last


def load(key: dict[str, Any]) -> Loaded:
    """What the training set of this key holds, by what the database says now.

    Raises CorruptFileError where the stored arrays are not those that were ingested.
    """
    sources = (TrainingSet & key).sources()
    found = {}
    for name, source in sources.items():
        found[name] = _kept.pop(source) if source in _kept else _read(source)
        _kept[source] = found[name]
    while len(_kept) > len(sources) and sum(kept.data.nbytes for kept in _kept.values()) > MOST_BYTES:
        del _kept[next(iter(_kept))]
    return _joint(found)


def of(recordings: Mapping[str, models.Recording]) -> Loaded:
    """The same of the recordings of a training set, by their names, which are not kept."""
    return _joint(
        {name: Loaded(models.Data.from_recording(one), one.content_sha256()) for name, one in recordings.items()}
    )


def _joint(found: dict[str, Loaded]) -> Loaded:
    if len(found) == 1:
        return next(iter(found.values()))
    data = models.SharedData({name: data for name, one in found.items() for data in one.data.parts})
    return Loaded(data, joint_sha256({name: one.content_sha256 for name, one in found.items()}))


def forget() -> None:
    """Keep none, so that their memory is free."""
    _kept.clear()


def _read(source: Source) -> Loaded:
    recording = source.load()
    digest = source.content_sha256 if source.is_whole else recording.content_sha256()
    return Loaded(models.Data.from_recording(recording), digest)
