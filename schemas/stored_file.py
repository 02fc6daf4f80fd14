"""Files in the store that HDF5 reads: what is wrong with the store is not taken for a fault of the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from datajoint.errors import MissingExternalFile


class StoreError(Exception):
    """A store does not give a file that it has: it cannot be reached, it refuses, its disk fails."""


@contextmanager
def opened(stored: Any) -> Iterator[StoredFile]:
    """A file of a row, as HDF5 takes it. Raises MissingExternalFile where it is gone, StoreError as above."""
    with _told(stored):
        content = stored.open()
    with content:
        file = StoredFile(content, stored)
        file.read(1)  # for where the first read of HDF5 fails, the process crashes at its end
        yield file


class StoredFile:
    """What h5py needs of a file to read it. h5py passes on StoreError; its own errors are about what it has read."""

    def __init__(self, content: Any, stored: Any) -> None:
        self._content, self._stored = content, stored

    def read(self, size: int) -> bytes:
        with _told(self._stored):
            return self._content.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with _told(self._stored):
            return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()


@contextmanager
def _told(stored: Any) -> Iterator[None]:
    """Stores raise errors of many kinds, each by its protocol."""
    try:
        yield
    except FileNotFoundError:
        raise MissingExternalFile(f"Missing external file {stored.full_path}") from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"{stored.path}: cannot be read from the store ({type(error).__name__}: {reason})") from error
