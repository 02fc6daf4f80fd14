"""Where commands write; one whose terminal or pipe has gone away ends, and says nothing of it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

GONE = (errno.EPIPE, errno.EIO)  # a pipe that nobody reads, a terminal that was closed
EXIT_CODE = 1  # as click and rich have it for a pipe


@contextmanager
def watched() -> Iterator[None]:
    """While it is open, to write to an output that has gone away raises SystemExit."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and _Watched(stream) for stream in before)  # None where it was closed before
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Watched:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._unless_gone():
            return int(self._stream.write(text))

    def flush(self) -> None:
        with self._unless_gone():
            self._stream.flush()

    @contextmanager
    def _unless_gone(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in GONE:
                raise
            # What is left of it goes nowhere, or Python would complain in the end.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            raise SystemExit(EXIT_CODE) from error
