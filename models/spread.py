"""Mean and standard deviation of arrays of which only a part is in memory at a time."""

from __future__ import annotations

import numpy as np

from models.lazy import Rows, chunks


class Spread:
    """Mean and SD in float64 of parts that are added one after the other: of each column, or of all values.

    Within a part it is two passes, as numpy does it, and one part gives numpy's bits. Parts are put together as in
    Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American Statistician 37, 1983.
    """

    def __init__(self, *, of_columns: bool) -> None:
        self._axis = 0 if of_columns else None
        self._count = 0
        self._mean: np.ndarray = np.zeros(())
        self._squares: np.ndarray = np.zeros(())

    def add(self, part: np.ndarray) -> None:
        """part: (rows, ...)."""
        count = len(part) if self._axis == 0 else part.size
        values = part.astype(np.float64)
        mean = values.sum(axis=self._axis) / count
        values -= mean
        squares = np.square(values, out=values).sum(axis=self._axis)
        if not self._count:
            self._count, self._mean, self._squares = count, mean, squares
            return
        total, difference = self._count + count, mean - self._mean
        self._mean = self._mean + difference * (count / total)
        self._squares = self._squares + squares + np.square(difference) * (self._count * count / total)
        self._count = total

    @property
    def mean(self) -> np.ndarray:
        return self._mean

    @property
    def sd(self) -> np.ndarray:
        return np.sqrt(self._squares / self._count)


def spread_of(array: Rows, *, of_columns: bool) -> Spread:
    """Of an array (rows, ...), chunk by chunk."""
    spread = Spread(of_columns=of_columns)
    for _, part in chunks(array):
        spread.add(part)
    return spread
