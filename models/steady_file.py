"""A file for HDF5 to write, which can be closed even where the disk is full."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO


class SteadyFile:
    """What is written to it lies in `file`; from the first write that fails, the rest lies in memory instead.

    HDF5 must write even to give up: where it cannot, it ends the process. So the failure is kept, for `check` to raise
    between two writes of little, and for the end of a `with`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at = file, 0
        self._failure: OSError | None = None
        self._rest: list[tuple[int, bytes]] = []  # where, what

    def check(self) -> None:
        """Raises the OSError of the first write that failed."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> SteadyFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.check()

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if self._failure is None:
            try:
                self._file.seek(self._at)
                done = 0
                while done < len(view):
                    done += self._file.write(view[done:])
            except OSError as error:
                self._fail(error)
        if self._failure is not None:
            self._rest.append((self._at, bytes(view)))
        self._at += len(view)
        return len(view)

    def read(self, size: int) -> bytes:
        self._file.seek(self._at)
        found = bytearray(self._file.read(size).ljust(size, b"\0"))
        for at, data in self._rest:
            first, last = max(at, self._at), min(at + len(data), self._at + size)
            if first < last:
                found[first - self._at : last - self._at] = data[first - at : last - at]
        self._at += size
        return bytes(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset if whence == os.SEEK_SET else self._file.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        return self._at

    def truncate(self, size: int) -> None:
        try:
            self._file.truncate(size)
        except OSError as error:
            self._fail(error)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self._failure is None:
            name = getattr(self._file, "name", None)
            named = (str(name),) if isinstance(name, str | Path) else ()
            self._failure = OSError(error.errno, error.strerror, *named)
