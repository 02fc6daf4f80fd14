"""Recordings out of the store: in memory where they are small, chunk by chunk where not, and those that went in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import h5py

from models.memory import total_memory
from models.recording import Recording
from schemas import stored_file
from schemas.codecs import CorruptFileError

SHARE_IN_MEMORY = 1 / 16  # of the machine's, for the arrays of one recording; what is larger is read chunk by chunk


def read(name: str, sha256: str, stored: Any) -> Recording:
    """The recording `name` from its file in the store; a large one stays there until it is looked at.

    Raises CorruptFileError where the stored arrays are not those of this digest, MissingExternalFile where there is no
    file, and StoreError where the store does not give it.
    """
    recording = Recording.lazy(partial(_opened, name, stored))
    if recording.nbytes <= SHARE_IN_MEMORY * total_memory():
        recording = recording.in_memory()
    if recording.content_sha256() != sha256:
        raise CorruptFileError(f"{stored.path}: the arrays of {name} are not those that were ingested")
    return recording


@contextmanager
def _opened(name: str, stored: Any) -> Iterator[h5py.File]:
    """The file in the store, of which only what is asked for is read."""
    try:
        with stored_file.opened(stored) as content, h5py.File(content, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:  # what h5py raises for a damaged file
        raise CorruptFileError(f"{stored.path}: the file of {name} is damaged ({error})") from error
