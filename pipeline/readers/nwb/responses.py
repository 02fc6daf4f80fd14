"""Responses in a window after each onset: spikes counted, or fluorescence averaged."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.lazy import CHUNK_BYTES, Rows
from pipeline.errors import UserError
from pipeline.readers.neurons import with_ids
from pipeline.readers.nwb.neurons import read_columns
from pipeline.readers.nwb.opened import Opened, chosen, place
from pipeline.readers.nwb.stimulus import times_of
from pipeline.readers.options import Options
from pipeline.readers.units import chosen as wanted

IN_MEMORY = 2**28  # bytes of counts; more lie in a temporary file, which is gone with the process
UNITS_AT_ONCE = 64


@dataclass(frozen=True)
class Responses:
    """Of all presentations."""

    responses: Rows  # (trials, neurons) float32
    neurons: dict[str, np.ndarray]
    source: str


def read_responses(file: Opened, options: Options, onsets: np.ndarray, window: tuple[float, float]) -> Responses:
    """Responses of the wanted units or regions; window: seconds from onset, of which the end is left out."""
    from pynwb.misc import Units
    from pynwb.ophys import RoiResponseSeries

    units = [one for one in file.objects(Units) if "spike_times" in one.colnames]
    found = chosen(
        file,
        units + file.objects(RoiResponseSeries),
        options.responses,
        "response",
        "--responses",
        "no responses are there; it must hold units with spike_times, or a RoiResponseSeries",
    )
    times = onsets + window[0], onsets + window[1]
    if isinstance(found, Units):
        columns = read_columns(file, found)
        rows = _wanted(file, columns, options.units)
        responses: Rows = _counts(file, found, rows, *times)
        source = f"spikes of {place(found)}"
    else:
        table = found.rois.table
        regions = file.whole(found.rois.data, f"the regions of {place(found)}").astype(np.int64)
        columns = {name: column[regions] for name, column in read_columns(file, table).items()}
        rows = _wanted(file, columns, options.units)
        responses = _means(file, found, rows, len(regions), *times)
        source = f"mean of {place(found)}, 0 where it is negative"
    return Responses(responses, with_ids({name: column[rows] for name, column in columns.items()}), source)


def _wanted(file: Opened, columns: dict[str, np.ndarray], units: str | None) -> np.ndarray:
    """Numbers of the rows that a user wants, so that nothing of the others is read."""
    every = np.arange(len(columns["neuron_id"]))
    return every if units is None else every[wanted(columns, units, str(file.path))]


def _counts(file: Opened, units: Any, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """(trials, rows) float32: spikes from start to before stop; NaN where the unit was not observed all the time."""
    counts = _room((len(starts), len(rows)))
    for at in range(0, len(rows), UNITS_AT_ONCE):
        some = rows[at : at + UNITS_AT_ONCE]
        block = np.empty((len(starts), len(some)), np.float32)
        for i, spikes in enumerate(_ragged(file, units, "spike_times", some)):
            ordered = np.sort(spikes)
            block[:, i] = np.searchsorted(ordered, stops) - np.searchsorted(ordered, starts)
        if "obs_intervals" in units.colnames:
            for i, intervals in enumerate(_ragged(file, units, "obs_intervals", some)):
                block[~_observed(intervals, starts, stops), i] = np.nan
        counts[:, at : at + len(some)] = block
    return counts


def _ragged(file: Opened, table: Any, name: str, rows: np.ndarray) -> Iterator[np.ndarray]:
    """The values of some rows of a ragged column, each read when it is asked for: all may be gigabytes."""
    index = table[name]
    what = f"{name} of {place(table)}"
    stops = file.whole(index.data, f"the index of {what}").astype(np.int64)
    values = file.dataset(index.target.data, what)
    limits = np.concatenate([[0], stops])
    if len(stops) != len(table.id) or (np.diff(limits) < 0).any() or limits[-1] > len(values):
        raise UserError(f"{file.path}: the index of {what} does not ascend from 0 to at most {len(values)}; it must")
    file.check_size(int(np.diff(limits).max(initial=0)) * values.dtype.itemsize, what)
    for row in rows:
        yield values[limits[row] : limits[row + 1]]


def _observed(intervals: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """(trials,) bool: whether one of the intervals (n, 2) holds the whole window."""
    if not len(intervals):
        return np.zeros(len(starts), bool)
    intervals = intervals[np.argsort(intervals[:, 0])]
    row = np.searchsorted(intervals[:, 0], starts, side="right") - 1
    return (row >= 0) & (stops <= intervals[row, 1])


def _means(
    file: Opened, series: Any, keep: np.ndarray, num_regions: int, starts: np.ndarray, stops: np.ndarray
) -> Rows:
    """(trials, regions) float32: the mean of the samples from start to before stop, negatives 0."""
    data = file.dataset(series.data, place(series))
    regions = data.shape[1] if data.ndim == 2 else 1
    if data.ndim not in (1, 2) or regions != num_regions:
        raise UserError(
            f"{file.path}: {place(series)} has the shape {data.shape}; allowed is (samples, {num_regions}), a column a "
            "region of interest"
        )
    times = times_of(file, series, len(data))
    if not (np.diff(times) >= 0).all():
        raise UserError(
            f"{file.path}: {place(series)} has timestamps that go back or are no numbers; allowed are ascending ones"
        )
    first, last = np.searchsorted(times, starts), np.searchsorted(times, stops)
    if (first == last).any():
        trial = int(np.argmax(first == last))
        raise UserError(
            f"{file.path}: {place(series)} has no sample from {starts[trial]:.6g} to {stops[trial]:.6g} s, where "
            f"presentation {trial} has its window; choose another window"
        )
    most = max(1, CHUNK_BYTES // max(1, regions * data.dtype.itemsize))

    def read(start: int, stop: int) -> np.ndarray:
        means = np.empty((stop - start, len(keep)), np.float32)
        for some in _together(first[start:stop], last[start:stop], most):
            begin = first[start + some.start : start + some.stop].min()
            end = last[start + some.start : start + some.stop].max()
            block = data[begin:end].reshape(end - begin, regions)
            for trial in range(some.start, some.stop):
                samples = block[first[start + trial] - begin : last[start + trial] - begin][:, keep]
                means[trial] = samples.mean(axis=0, dtype=np.float64) * series.conversion + series.offset
        return np.maximum(means, 0)

    return file.lazy((len(starts), len(keep)), np.float32, read)


def _together(first: np.ndarray, last: np.ndarray, most: int) -> list[slice]:
    """Runs of trials whose samples, and what lies between them, are at most so many; at least one trial each."""
    runs: list[slice] = []
    lowest = highest = 0
    for trial, (begin, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        if runs and max(highest, end) - min(lowest, begin) <= most:
            lowest, highest = min(lowest, begin), max(highest, end)
            runs[-1] = slice(runs[-1].start, trial + 1)
        else:
            lowest, highest = begin, end
            runs.append(slice(trial, trial + 1))
    return runs


def _room(shape: tuple[int, int]) -> np.ndarray:
    if int(np.prod(shape, dtype=np.int64)) * 4 <= IN_MEMORY:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile() as file:  # which lasts as long as its map
        return np.memmap(file, np.float32, "w+", shape=shape)
