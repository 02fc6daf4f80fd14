"""Numbers in words: with fixed digits, and a dash where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

NONE = "–"


def number(value: float | None, digits: int = 3) -> str:
    return NONE if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def count(how_many: int, what: str, plural: str | None = None) -> str:
    """`1 neuron`, `2 neurons`, `6,005 neurons`."""
    return f"{how_many:,} {what if how_many == 1 else plural or what + 's'}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def known(values: np.ndarray | Iterable[float | None]) -> np.ndarray:
    """Those that are finite, float64."""
    found = np.array(list(values) if not isinstance(values, np.ndarray) else values, dtype=float)
    return found[np.isfinite(found)]


def mean(values: np.ndarray | Iterable[float | None]) -> float | None:
    found = known(values)
    return float(found.mean()) if len(found) else None


def median(values: np.ndarray | Iterable[float | None]) -> float | None:
    found = known(values)
    return float(np.median(found)) if len(found) else None
