"""Arrays made of other arrays, whose rows are read and computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.lazy import CHUNK_BYTES, LazyArray, Rows

BLOCK_BYTES = 2**24  # of rows that are changed at a time, since changing them takes several times their memory


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


def taken(rows: Rows, wanted: np.ndarray) -> LazyArray:
    """The rows of these numbers, in their order."""

    def read(start: int, stop: int) -> np.ndarray:
        return take(rows, wanted[start:stop])

    return LazyArray((len(wanted), *rows.shape[1:]), rows.dtype, read)


def take(rows: Rows, wanted: np.ndarray) -> np.ndarray:
    """The rows of these numbers, in their order, as an array.

    Rows are read once each and in ascending order, those of one chunk of an HDF5 dataset together.
    """
    if isinstance(rows, np.ndarray):
        return rows[wanted]
    found = np.empty((len(wanted), *rows.shape[1:]), rows.dtype)
    order = np.argsort(wanted, kind="stable")
    ascending = wanted[order]
    reach = (getattr(rows, "chunks", None) or (1,))[0]
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
