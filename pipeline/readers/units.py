"""Which neurons of a recording are taken, by a column of theirs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from models.lazy import Rows, mapped
from models.recording import ARRAYS, Recording
from pipeline.errors import UserError

WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def only_units(recording: Recording, units: str | None, source: str) -> Recording:
    """The recording with the neurons whose column has a value: "area=V1"; all of them for None."""
    if units is None:
        return recording
    kept = chosen(recording.neurons, units, source)
    arrays: dict[str, Any] = {
        name: of_neurons(getattr(recording, name), kept) for name in ARRAYS if name.endswith("responses")
    }
    neurons = {name: column[kept] for name, column in recording.neurons.items()}
    neurons.setdefault("neuron_id", np.flatnonzero(kept))
    return replace(recording, **arrays, neurons=neurons)


def of_neurons(responses: Rows, kept: np.ndarray) -> Rows:
    """Responses (..., neurons) of the neurons that are kept."""
    shape = (*responses.shape[1:-1], int(kept.sum()))
    return mapped(responses, shape, responses.dtype, lambda block: block[..., kept])


def chosen(columns: dict[str, np.ndarray], units: str, source: str) -> np.ndarray:
    """(neurons,) bool: those whose column has the value: a number, a word of WORDS where it is true or false, text.

    Raises UserError where there is no such column, or no such neuron.
    """
    name, _, value = (part.strip() for part in units.partition("="))
    column = columns.get(name)
    if column is None or column.ndim != 1:
        known = ", ".join(sorted(name for name, column in columns.items() if column.ndim == 1)) or "none"
        raise UserError(f"{source}: neurons have no column {name!r}; units can name {known}")
    kept = _equal(column, value)
    if not kept.any():
        found = sorted({_text(item) for item in column.tolist()})
        shown = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        raise UserError(f"{source}: no neuron has {name} {value!r}; its values are {shown}")
    return kept


def _equal(column: np.ndarray, value: str) -> np.ndarray:
    if column.dtype.kind not in "uifb":
        return np.array([_text(item) == value for item in column])
    wanted = WORDS.get(value.lower()) if column.dtype.kind == "b" else _number(value)
    return np.zeros(len(column), bool) if wanted is None else column == wanted


def _number(value: str) -> float | None:
    for kind in (int, float):  # a whole number as one: a float has no room for the long ones that some labs give
        with suppress(ValueError):
            return kind(value)
    return None


def _text(item: object) -> str:
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
