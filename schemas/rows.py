"""Arrays of numbers as rows of a table: MySQL knows no NaN, so what is unknown becomes null."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def finite(value: Any) -> Any:
    """None for a float that is not finite, and what is given otherwise."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def columns_as_rows(columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """A row for each element of columns (rows,)."""
    lists = {name: map(finite, values.tolist()) for name, values in columns.items()}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def null_if_negative(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers, with None for those that stand for none."""
    rows = numbers.astype(object)
    rows[numbers < 0] = None
    return rows
