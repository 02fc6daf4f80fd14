"""Histograms of one number over neurons, stacked by the kind of neuron where kinds are known."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from pipeline.figures.rows import UNKNOWN
from pipeline.figures.style import COLOURS, KIND_COLOURS, say
from pipeline.figures.words import listed, median, number

NUM_BINS = 20
INDEX_LIMITS = (-0.5, 1.5)  # of suppression indices; those of neurons that are hardly driven lie anywhere


def kinds_of(kind: np.ndarray) -> list[tuple[str, str]]:
    """Names of the kinds in a fixed order, each with its colour; a single one where none is known."""
    names = sorted(set(kind.tolist()) - {UNKNOWN})
    colours = KIND_COLOURS
    if len(names) > len(colours):  # so many cannot all be told apart, but no two have the same
        colours = [to_hex(colour) for colour in mpl.colormaps["turbo"](np.linspace(0, 1, len(names)))]
    known = list(zip(names, colours, strict=False))
    return known + ([(UNKNOWN, "0.6" if known else COLOURS[0])] if (kind == UNKNOWN).any() else [])


def plot_histogram(
    axis: Axes,
    values: np.ndarray,
    kind: np.ndarray,
    label: str,
    nothing: str,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    """values: (neurons,), those that are NaN left out; `nothing` is said where all are.

    limits: what is outside of them counts in the outermost bins.
    """
    if (np.nan_to_num(values) < limits[0]).any() or (np.nan_to_num(values) > limits[1]).any():
        label += f"\n(in the outermost bins also what is beyond {limits[0]:g} to {limits[1]:g})"
    values = np.clip(values, *limits)
    known = np.isfinite(values)
    if not known.any():
        say(axis, nothing)
        return
    low, high = float(values[known].min()), float(values[known].max())
    edges = np.linspace(low, high if high > low else low + 1e-3 + abs(low) * 1e-3, NUM_BINS + 1)
    kinds = kinds_of(kind[known])
    parts = [values[known & (kind == name)] for name, _ in kinds]
    axis.hist(
        parts,
        bins=edges.tolist(),
        stacked=True,
        color=[colour for _, colour in kinds],
        label=[name for name, _ in kinds],
    )
    axis.set(xlabel=label, ylabel="neurons")
    axis.locator_params(axis="y", integer=True)
    if [name for name, _ in kinds] != [UNKNOWN]:
        axis.legend(fontsize=7)


def describe_by_kind(values: np.ndarray, kind: np.ndarray) -> str:
    """The median, and that of each kind where kinds are known."""
    middle = median(values)
    if middle is None:
        return "unknown"
    names = [name for name, _ in kinds_of(kind) if name != UNKNOWN]
    each = [(name, median(values[kind == name])) for name in names]
    said = [f"{name} {number(value, 2)}" for name, value in each if value is not None]
    return number(middle, 2) + (f" ({listed(said)})" if said else "")
