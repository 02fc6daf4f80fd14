"""Ctrl-C and a scheduler's SIGTERM wait until a step has ended, so that nothing stops half way through one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """While it is open, the first signal only makes what it gives true; a second one does what it always did.

    When it closes, a signal that came does what it would have done. Only the main thread hears signals; in others
    none comes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    came: list[int] = []
    # None is a handler of other than Python's making, which could not be put back
    before = {int(number): signal.getsignal(number) for number in SIGNALS if signal.getsignal(number) is not None}

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            signal.signal(number, before[number])
            signal.raise_signal(number)

    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if len(came) == 1:
            signal.raise_signal(came[0])
