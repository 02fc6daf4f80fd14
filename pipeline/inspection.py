"""What can be told of a recording before it comes in: sizes, ranges, rates, repeats, warnings. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.explained_variance import explainable_variance
from models.lazy import BLOCK_BYTES, Rows, chunks
from models.recording import Recording
from models.scores import ceiling
from models.spread import Spread
from pipeline.readers.checks import Statistics, check_recording, warnings_of

# Of a recording's attributes
TOLD = ("name", "description", "citation", "license", "nwb_stimulus", "nwb_responses", "left_out")


@dataclass(frozen=True, eq=False)
class Inspection:
    """All that is shown of one recording."""

    recording: Recording
    source: str
    reader: str
    statistics: Statistics
    images: list[dict[str, Any]]  # a row a split
    responses: list[dict[str, Any]]  # a row a split
    ceiling: np.ndarray  # (neurons,), NaN where it is not known
    explainable_variance: np.ndarray  # (neurons,), the same
    warnings: list[str]


def inspect_recording(recording: Recording, source: str, reader: str) -> Inspection:
    """Look at all of a recording; raises UserError about the first fault."""
    statistics = check_recording(recording, source)
    splits = ("train", "validation", "test")
    return Inspection(
        recording=recording,
        source=source,
        reader=reader,
        statistics=statistics,
        images=[_images(split, getattr(recording, f"{split}_images")) for split in splits],
        responses=[_responses(split, getattr(recording, f"{split}_responses")) for split in splits],
        ceiling=ceiling(recording.test_responses),
        explainable_variance=explainable_variance(recording.test_responses),
        warnings=warnings_of(recording, statistics),
    )


def by_title(found: Inspection) -> dict[str, Any]:
    """The tables of an inspection: rows, or names and values."""
    recording = found.recording
    attributes = {name: recording.attributes[name] for name in TOLD if recording.attributes.get(name)}
    repeats = found.statistics.test_repeats
    columns = {name: _column(column) for name, column in recording.neurons.items()}
    return {
        found.source: {"format": found.reader, "in memory": f"{recording.nbytes / 2**20:.1f} MB"} | attributes,
        "images": found.images,
        "responses": found.responses,
        "neurons": {"number": recording.num_neurons, "silent in training": int(found.statistics.is_silent.sum())}
        | {f"column {name}": what for name, what in columns.items()},
        "over neurons": [
            {"of each neuron": "mean response in training"} | _quantiles(found.statistics.mean_response),
            {"of each neuron": "repeats of a test image"} | _quantiles(repeats.mean(axis=0)),
            {"of each neuron": "ceiling of the test correlation"} | _quantiles(found.ceiling),
            {"of each neuron": "explainable variance"} | _quantiles(found.explainable_variance),
        ],
        "warnings": {str(i): line for i, line in enumerate(found.warnings, start=1)} or {"none": ""},
    }


def _images(split: str, images: Rows) -> dict[str, Any]:
    spread, lowest, highest = Spread(of_columns=False), np.inf, -np.inf
    for _, block in chunks(images, BLOCK_BYTES):  # of which 64-bit floats are made
        spread.add(block)
        lowest, highest = min(lowest, block.min()), max(highest, block.max())
    return {
        "split": split,
        "images": len(images),
        "pixels": " x ".join(map(str, images.shape[1:])),
        "type": str(images.dtype),
        "lowest": _rounded(lowest),
        "highest": _rounded(highest),
        "mean": _rounded(spread.mean),
        "SD": _rounded(spread.sd),
    }


def _responses(split: str, responses: Rows) -> dict[str, Any]:
    """Of those that are there: a repeat that was not shown is none."""
    number, total, zeros, lowest, highest = 0, 0.0, 0, np.inf, -np.inf
    for _, block in chunks(responses):
        there = np.isfinite(block)
        number += int(there.sum())
        total += float(np.sum(block, dtype=np.float64, where=there))
        zeros += int((block == 0).sum())
        lowest, highest = (
            np.fmin(lowest, np.fmin.reduce(block, axis=None)),
            np.fmax(highest, np.fmax.reduce(block, axis=None)),
        )
    return {
        "split": split,
        "(repeats x) images x neurons": " x ".join(map(str, responses.shape)),
        "lowest": _rounded(lowest),
        "highest": _rounded(highest),
        "mean": _rounded(total / number),
        "zeros": f"{100 * zeros / number:.1f} %",
        "not shown": f"{100 - 100 * number / np.prod(responses.shape, dtype=float):.1f} %",
    }


def _quantiles(values: np.ndarray) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    ends = np.quantile(known, [0, 0.25, 0.5, 0.75, 1]) if len(known) else [None] * 5
    names = ("lowest", "25 %", "median", "75 %", "highest")
    return {name: _rounded(end) for name, end in zip(names, ends, strict=True)} | {"unknown": len(values) - len(known)}


def _column(column: np.ndarray) -> str:
    """Its range, or its values where they are few."""
    what = f"{'text' if column.dtype.kind == 'U' else column.dtype}"
    if column.ndim > 1:
        return f"{what} {' x '.join(map(str, column.shape[1:]))}"
    values = np.unique(column)
    if column.dtype.kind == "f" or (column.dtype.kind in "ui" and len(values) > 8):
        known = column[np.isfinite(column)]
        unknown = f", {len(column) - len(known)} unknown" if len(known) < len(column) else ""
        return f"{what}{unknown}" + (f", {known.min():.4g} to {known.max():.4g}" if len(known) else "")
    return f"{what} " + ", ".join(map(str, values[:8].tolist())) + (", ..." if len(values) > 8 else "")


def _rounded(value: Any) -> float | None:
    return None if value is None else float(f"{value:.4g}")
