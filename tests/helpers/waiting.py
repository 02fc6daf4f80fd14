"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(
    condition: Callable[[], object], *, patience: float = 60, pause: float = 0.02, said: Callable[[], str] = str
) -> None:
    """Wait until it holds, asking again after a pause, for so many seconds at most; then fail with what is said."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, said()
        time.sleep(pause)
