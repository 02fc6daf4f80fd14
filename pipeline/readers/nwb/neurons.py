"""The columns of a table of units or of regions of interest."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.readers.nwb.opened import Opened, place

# Not of a neuron as such, but of how it was found, or ragged.
LEFT_OUT = {
    *("spike_times", "spike_amplitudes", "obs_intervals", "electrodes", "electrode_group"),
    *("waveform_mean", "waveform_sd", "waveforms", "image_mask", "pixel_mask", "voxel_mask"),
}
UNKNOWN = {"", "unknown", "none", "n/a"}


def read_columns(file: Opened, table: Any) -> dict[str, np.ndarray]:
    """Columns by name, (rows, ...) each: neuron_id, and all that hold one value, or array, of numbers or text a row."""
    columns = _plain_columns(file, table)
    if "neuron_id" not in columns:
        columns["neuron_id"] = file.whole(table.id.data, f"the ids of {place(table)}").astype(np.int64)
    if "electrodes" in table.colnames:
        columns = _of_electrodes(file, table) | columns
    plane = getattr(table, "imaging_plane", None)
    location = str(getattr(plane, "location", ""))
    if "location" not in columns and location.lower() not in UNKNOWN:
        columns["location"] = np.full(len(table.id), location)
    return columns


def _plain_columns(file: Opened, table: Any) -> dict[str, np.ndarray]:
    from hdmf.common import VectorData

    columns = {}
    for name in table.colnames:
        column = table[name]
        if name in LEFT_OUT or type(column) is not VectorData:  # but an index of a ragged column, references, ...
            continue
        values = file.whole(column.data, f"column {name} of {place(table)}")
        if values.dtype.kind in "uifbU" and len(values) == len(table.id):
            columns[name] = values
    return columns


def _of_electrodes(file: Opened, units: Any) -> dict[str, np.ndarray]:
    """Columns of the first electrode of each unit: its location, and the others as electrode_...; x is not a pixel."""
    region = units["electrodes"]
    if not hasattr(region, "target"):  # one electrode a unit
        rows, electrodes = file.whole(region.data, "the electrodes of the units"), region.table
    else:
        stops = file.whole(region.data, "the electrodes of the units").astype(np.int64)
        starts = np.concatenate([[0], stops[:-1]]) if len(stops) else stops
        if (starts == stops).any():
            return {}
        rows, electrodes = file.whole(region.target.data, "the electrodes of the units")[starts], region.target.table
    columns = {name: column for name, column in _plain_columns(file, electrodes).items() if column.ndim == 1}
    location = columns.pop("location", None)
    found = {f"electrode_{name}": column[rows] for name, column in columns.items()}
    if location is not None and not {one.lower() for one in location.tolist()} <= UNKNOWN:
        found["location"] = location[rows]
    return found
