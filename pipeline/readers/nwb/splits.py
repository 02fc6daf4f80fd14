"""Which presentation is for training, validation or test: from a column of a table of intervals."""

from __future__ import annotations

import numpy as np

from pipeline.errors import UserError
from pipeline.readers.nwb.opened import Opened, place
from pipeline.readers.nwb.stimulus import Shown

COLUMNS = ("split", "tier")
SPLITS = {
    **{"train": "train", "training": "train"},
    **{"validation": "validation", "val": "validation"},
    **{"test": "test", "testing": "test"},
    **{"": "", "none": ""},  # left out
}
# Seconds by which a presentation may seem to begin before its interval, for one may be timed by a photodiode and the
# other as planned: a frame of a monitor, but no more than a share of the shortest interval.
LEAST_TOLERANCE, MOST_TOLERANCE, SHARE = 1e-4, 0.02, 0.1


def read_splits(file: Opened, shown: Shown) -> np.ndarray | None:
    """(trials,) "train", "validation", "test" or "" (left out), or None where no table has such a column.

    A presentation belongs to the interval that began last before it and is not over, or that is about to begin; outside
    all, it is left out.
    """
    from pynwb.epoch import TimeIntervals

    tables = [one for one in file.objects(TimeIntervals) if len(one.id) and set(COLUMNS) & set(one.colnames)]
    if shown.table is not None and shown.table in tables:
        tables = [shown.table]
    if not tables:
        return None
    if len(tables) > 1:
        there = ", ".join(place(one) for one in tables)
        raise UserError(f"{file.path}: {len(tables)} tables have a column split or tier: {there}; allowed is one")
    (table,) = tables
    column = next(column for column in COLUMNS if column in table.colnames)
    what = f"column {column} of {place(table)}"
    given = [_split(file, str(one), what) for one in file.whole(table[column].data, what).tolist()]
    start, stop = (file.whole(table[one].data, f"{one} of {place(table)}") for one in ("start_time", "stop_time"))
    order = np.argsort(start, kind="stable")
    tolerance = np.clip(SHARE * np.fmin.reduce(stop - start), LEAST_TOLERANCE, MOST_TOLERANCE)
    row = np.searchsorted(start[order], shown.onsets + tolerance, side="right") - 1
    inside = (row >= 0) & (shown.onsets < stop[order][row])
    splits = np.where(inside, np.array([*given, ""])[order][row], "")
    if not splits.astype(bool).any():
        raise UserError(f"{file.path}: {what} puts no presentation into a split; check its times and values")
    return splits


def _split(file: Opened, value: str, what: str) -> str:
    found = SPLITS.get(value.strip().lower())
    if found is None:
        raise UserError(f"{file.path}: {what} holds {value!r}; allowed are train, validation, test, none and nothing")
    return found
