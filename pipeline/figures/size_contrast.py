"""Tuning to the size and the contrast of a grating, and how much the surround suppresses."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.by_kind import INDEX_LIMITS, describe_by_kind, kinds_of, plot_histogram
from pipeline.figures.relative import relative_rates
from pipeline.figures.rows import array, best_row, key_of, query_neurons, query_part
from pipeline.figures.style import say
from pipeline.figures.words import count, median, number
from schemas.insilico import SizeContrastTuning

Tuning = dict[str, Any]
NOTHING = "No neuron has a size tuning curve."


def query_size_contrast(dataset: str, *conditions: Any) -> Tuning | None:
    """Size-contrast tuning of the best model by validation loss that has any; None where none has.

    `sizes` (sizes,), `contrasts` (contrasts,), `curves` (neurons, sizes, contrasts), `preferred_size` and
    `suppression_index` (neurons,) with NaN for a neuron without, and the columns of `query_neurons`.
    """
    row = best_row(SizeContrastTuning, dataset, *conditions)
    if row is None:
        return None
    key = key_of(SizeContrastTuning, row)
    sizes, contrasts, curves = (SizeContrastTuning & key).fetch1("sizes", "contrasts", "curves")
    return {
        "id": row["id"],
        "config": row["config"],
        "key": key,
        "sizes": array(sizes),
        "contrasts": array(contrasts),
        "curves": array(curves),
        **query_neurons(row),
        **query_part(SizeContrastTuning.Neuron, key, ["preferred_size", "suppression_index"]),
    }


def plot_size_contrast_figure(figure: Figure, found: Tuning | None) -> None:
    """Mean curve at each contrast, mean curve of each kind at the highest, and suppression indices."""
    if found is None:
        say(figure.subplots(), "No tuning to size and contrast was measured yet.")
        return
    axes = figure.subplots(1, 3)
    plot_by_contrast(axes[0], found)
    plot_by_kind(axes[1], found)
    plot_histogram(axes[2], found["suppression_index"], found["kind"], "suppression index", NOTHING, INDEX_LIMITS)
    axes[2].set_title("surround suppression")


def plot_by_contrast(axis: Axes, found: Tuning) -> None:
    """The mean over neurons against size, a line for each contrast."""
    curves = relative_rates(found["curves"])
    known = np.isfinite(curves).all(axis=(1, 2))
    if not known.any():
        say(axis, NOTHING)
        return
    colours = mpl.colormaps["Blues"](np.linspace(1, 0.3, len(found["contrasts"]))[::-1])  # the palest cannot be seen
    for i, contrast in enumerate(found["contrasts"]):
        axis.plot(found["sizes"], curves[known, :, i].mean(axis=0), ".-", color=colours[i], label=f"{contrast:.3g}")
    axis.set(xlabel="diameter, pixels", ylabel="rate / highest, mean over neurons", ylim=(0, 1.25))
    axis.legend(title="contrast, SD", fontsize=7, title_fontsize=7, loc="upper center", ncols=4)  # above all curves
    axis.set_title("size and contrast")


def plot_by_kind(axis: Axes, found: Tuning) -> None:
    """At the highest contrast, the mean of each kind of neuron against size, in parts of a neuron's highest rate."""
    curves = relative_rates(found["curves"][:, :, -1:])[:, :, 0]
    known = np.isfinite(curves).all(axis=1)
    if not known.any():
        say(axis, NOTHING)
        return
    for name, colour in kinds_of(found["kind"][known]):
        members = known & (found["kind"] == name)
        label = f"{name} ({members.sum():,})"
        axis.plot(found["sizes"], curves[members].mean(axis=0), ".-", color=colour, label=label)
    axis.set(xlabel="diameter, pixels", ylabel="rate / highest", ylim=(0, 1.35))
    axis.legend(
        fontsize=7, loc="upper center", ncols=2, handlelength=1.2, columnspacing=0.8, title="mean over neurons",
        title_fontsize=7,
    )  # fmt: skip
    axis.set_title("at the highest contrast")


def describe_size_contrast(found: Tuning | None) -> str:
    if found is None:
        return "No tuning to size and contrast was measured yet."
    known = np.isfinite(found["suppression_index"])
    if not known.any():
        return NOTHING
    index = describe_by_kind(found["suppression_index"], found["kind"])
    size = number(median(found["preferred_size"]), 2)
    return (
        f"Tuning of {count(int(known.sum()), 'neuron')} of {found['config']} to size and contrast. Median suppression "
        f"index {index}; median preferred diameter {size} pixels."
    )
