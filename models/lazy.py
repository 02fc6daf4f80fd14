"""Arrays that may be larger than memory: their rows are read when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

CHUNK_BYTES = 2**26  # of what is in memory at a time
BLOCK_BYTES = 2**24  # of rows that are changed at a time, since changing them takes several times their memory
GAP_BYTES = 2**20  # between rows that are read together


class Rows(Protocol):
    """What numpy arrays, HDF5 datasets and `LazyArray` share: a shape, a type, and rows by slices."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> np.ndarray: ...


class LazyArray:
    """An array of a known shape and type; read(start, stop) gives its rows from start to before stop.

    chunks: of the HDF5 dataset that it is read from, if it is.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: Any,
        read: Callable[[int, int], np.ndarray],
        chunks: tuple[int, ...] | None = None,
    ) -> None:
        self.shape, self.dtype, self._read, self.chunks = shape, np.dtype(dtype), read, chunks

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """The rows of a slice, in its order. Raises TypeError for anything else."""
        if not isinstance(rows, slice):
            raise TypeError(f"rows are {rows!r}; allowed is a slice, or `take` for rows by their numbers")
        wanted = range(len(self))[rows]
        first, last = (min(wanted), max(wanted)) if wanted else (0, -1)
        return self._read(first, last + 1)[:: wanted.step]


def chunks(array: Rows, most_bytes: int | None = None, multiple: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
    """The rows of an array in order, as many at a time as take `most_bytes` (by default CHUNK_BYTES); a multiple
    of `multiple`, at least one."""
    count = max(1, (most_bytes or CHUNK_BYTES) // _row_bytes(array) // multiple) * multiple
    for start in range(0, len(array), count):
        rows = slice(start, min(start + count, len(array)))
        yield rows, np.asarray(array[rows])


def nbytes(array: Rows) -> int:
    """What it takes, or would take, in memory."""
    return math.prod(array.shape) * array.dtype.itemsize


def mapped(rows: Rows, shape: tuple[int, ...], dtype: Any, change: Callable[[np.ndarray], np.ndarray]) -> LazyArray:
    """Rows of another shape (of one row) and type: what `change` makes of a block of rows."""
    count = max(1, BLOCK_BYTES // _row_bytes(rows))

    def read(start: int, stop: int) -> np.ndarray:
        found = np.empty((stop - start, *shape), dtype)
        for first in range(start, stop, count):
            last = min(first + count, stop)
            found[first - start : last - start] = change(np.asarray(rows[first:last]))
        return found

    return LazyArray((len(rows), *shape), dtype, read)


def taken(rows: Rows, wanted: np.ndarray) -> Rows:
    """The rows of these numbers, in their order; of an array in memory they are copied at once."""
    if isinstance(rows, np.ndarray):
        return rows[wanted]

    def read(start: int, stop: int) -> np.ndarray:
        return take(rows, wanted[start:stop])

    return LazyArray((len(wanted), *rows.shape[1:]), rows.dtype, read)


def take(rows: Rows, wanted: np.ndarray) -> np.ndarray:
    """The rows of these numbers, in their order, as an array.

    Rows are read once each and in ascending order, those of one chunk of an HDF5 dataset together, and so are those
    with so little between them that to read it takes no longer than to begin anew.
    """
    found = np.empty((len(wanted), *rows.shape[1:]), rows.dtype)
    order = np.argsort(wanted, kind="stable")
    ascending = wanted[order]
    reach = max(GAP_BYTES // _row_bytes(rows), *(getattr(rows, "chunks", None) or (1,))[:1], 1)
    most = max(1, CHUNK_BYTES // _row_bytes(rows))
    first = 0
    for end in np.append(np.flatnonzero(np.diff(ascending) > reach) + 1, len(ascending)):
        while first < end:
            start = int(ascending[first])
            last = min(int(end), int(np.searchsorted(ascending, start + most)))
            block = np.asarray(rows[start : int(ascending[last - 1]) + 1])
            found[order[first:last]] = block[ascending[first:last] - start]
            first = last
    return found


def joined(parts: Sequence[Rows]) -> LazyArray:
    """Arrays of one shape of row, one after the other."""
    starts = np.cumsum([0, *map(len, parts)])

    def read(start: int, stop: int) -> np.ndarray:
        found = np.empty((stop - start, *parts[0].shape[1:]), dtype)
        for part, first in zip(parts, starts[:-1], strict=True):
            low, high = max(start, first), min(stop, first + len(part))
            if low < high:
                found[low - start : high - start] = part[int(low - first) : int(high - first)]
        return found

    dtype = np.result_type(*(part.dtype for part in parts))
    return LazyArray((int(starts[-1]), *parts[0].shape[1:]), dtype, read)


def side_by_side(parts: Sequence[Rows]) -> Rows:
    """Arrays (rows, columns) of as many rows, their columns one after the other."""
    if len(parts) == 1:
        return parts[0]

    def read(start: int, stop: int) -> np.ndarray:
        return np.concatenate([part[start:stop] for part in parts], axis=1)

    shape = (len(parts[0]), sum(part.shape[1] for part in parts))
    return LazyArray(shape, np.result_type(*(part.dtype for part in parts)), read)


def as_float32(rows: Rows) -> Rows:
    """What is too large for float32 becomes infinity, which checks refuse."""
    if rows.dtype == np.float32:
        return rows

    def change(block: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return block.astype(np.float32)

    return mapped(rows, rows.shape[1:], np.float32, change)


def _row_bytes(rows: Rows) -> int:
    return max(1, int(np.prod(rows.shape[1:], dtype=np.int64)) * rows.dtype.itemsize)
