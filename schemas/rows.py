"""Arrays of numbers as rows of a table: MySQL knows no NaN, so what is unknown becomes null."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def finite(value: Any) -> Any:
    """None for a float that is not finite, and what is given otherwise."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def in_order(neurons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with `dataset_name` and `neuron_index`, in the order of `TrainingSet.neurons`."""
    return sorted(neurons, key=lambda row: (row["dataset_name"], row["neuron_index"]))


def columns_as_rows(columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """A row for each element of columns (rows,)."""
    lists = {name: map(finite, values.tolist()) for name, values in columns.items()}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def null_if_negative(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers, with None for those that stand for none."""
    rows = numbers.astype(object)
    rows[numbers < 0] = None
    return rows
