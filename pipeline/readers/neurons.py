"""Columns of neurons as recordings keep them."""

from __future__ import annotations

import numpy as np


def with_ids(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns with `neuron_id` first, as int64; where the lab's numbers are not unique, they become `unit_id`.

    Several scans number their neurons from 1 each; the neurons then get the numbers 0, 1, ... of their place.
    """
    numbers = columns.get("neuron_id")
    others = {name: column for name, column in columns.items() if name != "neuron_id"}
    if numbers is None:
        return others
    is_whole = numbers.dtype.kind in "ui" and (numbers.size == 0 or int(numbers.max()) <= np.iinfo(np.int64).max)
    if is_whole and len(np.unique(numbers)) == len(numbers):
        return {"neuron_id": numbers.astype(np.int64), **others}
    return {"neuron_id": np.arange(len(numbers)), "unit_id": numbers, **others}
