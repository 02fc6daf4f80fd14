"""Arrays that may be larger than memory: their rows are read when they are asked for."""

from __future__ import annotations

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


def chunks(array: Rows, most_bytes: int = CHUNK_BYTES) -> Iterator[tuple[slice, np.ndarray]]:
    """The rows of an array in order, as many at a time as take `most_bytes`; at least one."""
    row_bytes = max(1, int(np.prod(array.shape[1:], dtype=np.int64)) * array.dtype.itemsize)
    count = max(1, most_bytes // row_bytes)
    for start in range(0, len(array), count):
        rows = slice(start, min(start + count, len(array)))
        yield rows, np.asarray(array[rows])
