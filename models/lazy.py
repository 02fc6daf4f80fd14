"""Arrays that may be larger than memory: their rows are read when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

CHUNK_BYTES = 2**26  # of what is in memory at a time


class Rows(Protocol):
    """What numpy arrays, HDF5 datasets and `LazyArray` share: a shape, a type, and rows by slices."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> np.ndarray: ...


class LazyArray:
    """An array of a known shape and type; read(start, stop) gives its rows from start to before stop."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, read: Callable[[int, int], np.ndarray]) -> None:
        self.shape, self.dtype, self._read = shape, np.dtype(dtype), read

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, step = rows.indices(len(self))
        return self._read(start, max(start, stop))[::step]


def chunks(array: Rows, most_bytes: int | None = None, multiple: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
    """The rows of an array in order, as many at a time as take `most_bytes` (by default CHUNK_BYTES); a multiple
    of `multiple`, at least one."""
    row_bytes = max(1, nbytes(array) // max(1, len(array)))
    count = max(1, (most_bytes or CHUNK_BYTES) // row_bytes // multiple) * multiple
    for start in range(0, len(array), count):
        rows = slice(start, min(start + count, len(array)))
        yield rows, np.asarray(array[rows])


def nbytes(array: Rows) -> int:
    """What it takes, or would take, in memory."""
    return math.prod(array.shape) * array.dtype.itemsize


def taken(array: Rows, which: np.ndarray) -> Rows:
    """The rows of these numbers, which ascend."""
    if len(which) == len(array) or isinstance(array, np.ndarray):
        return array if len(which) == len(array) else array[which]

    def read(start: int, stop: int) -> np.ndarray:
        wanted = which[start:stop]
        found = np.empty((len(wanted), *array.shape[1:]), array.dtype)
        if len(wanted):
            first = int(wanted[0])
            span = LazyArray((int(wanted[-1]) + 1 - first, *array.shape[1:]), array.dtype,
                             lambda start, stop: array[first + start : first + stop])  # fmt: skip
            for rows, part in chunks(span):
                inside = slice(*np.searchsorted(wanted, (first + rows.start, first + rows.stop)))
                found[inside] = part[wanted[inside] - first - rows.start]
        return found

    return LazyArray((len(which), *array.shape[1:]), array.dtype, read)
