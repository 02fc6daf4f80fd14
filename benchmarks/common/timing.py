"""Wall time, the time that this process computed, all of its threads together, and the unit of its memory."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Sequence
from statistics import median
from types import TracebackType

import torch

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, of ru_maxrss


class Clock:
    """Times a block: `with Clock() as clock: ...`, then `clock.seconds`, as `wall_s` and `user_s`.

    device: one that computes beside the process, whose work is waited for at either end.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Clock:
        self._began = self._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = self.so_far()

    def so_far(self) -> dict[str, float]:
        """Since the block began."""
        wall, user = self._now()
        return {"wall_s": wall - self._began[0], "user_s": user - self._began[1]}

    def _now(self) -> tuple[float, float]:
        if self._device.startswith("cuda"):
            torch.cuda.synchronize(self._device)
        return time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime


def medians(timed: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each value."""
    return {name: median(one[name] for one in timed) for name in timed[0]}


def load() -> float:
    """Processes that ran or waited to run, over the last minute: what else the machine had to do."""
    return round(os.getloadavg()[0], 2)


def num_cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
