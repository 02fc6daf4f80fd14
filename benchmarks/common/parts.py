"""Where the time of a run goes, by functions that are known for what they do."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class Parts:
    """Wall time of each part without that of the parts within it: `seconds`, and `calls` of each, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def of(self, functions: Sequence[tuple[Any, str, str]], rest: str) -> Iterator[None]:
        """While it is open, functions (owner, name, part) count for their part, and all else for `rest`."""
        originals = [(owner, name, vars(owner)[name]) for owner, name, _ in functions]
        for (owner, name, original), (_, _, part) in zip(originals, functions, strict=True):
            setattr(owner, name, self._timed(original, part))
        try:
            self._enter(rest)
            yield
            self._leave()
        finally:
            for owner, name, original in originals:
                setattr(owner, name, original)

    def _timed(self, original: Any, part: str) -> Any:
        if isinstance(original, classmethod):
            return classmethod(self._timed(original.__func__, part))

        @functools.wraps(original)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            self._enter(part)
            try:
                return original(*arguments, **keywords)
            finally:
                self._leave()

        return timed

    def _enter(self, part: str) -> None:
        self._count()
        self._running.append(part)
        self.calls[part] = self.calls.get(part, 0) + 1

    def _leave(self) -> None:
        self._count()
        self._running.pop()

    def _count(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] = self.seconds.get(self._running[-1], 0.0) + now - self._since
        self._since = now
