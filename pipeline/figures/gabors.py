"""Optimal Gabor patches over the image, and tuning to their orientation (Ecker et al., ICLR 2019, section 4.3)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from pipeline.figures.by_kind import describe_by_kind, kinds_of, plot_histogram
from pipeline.figures.relative import relative_rates
from pipeline.figures.rows import array, best_row, key_of, query_neurons, query_part
from pipeline.figures.style import say
from pipeline.figures.words import count, median, number
from schemas.dataset import Dataset, TrainingSet
from schemas.insilico import OptimalGabor

Gabors = dict[str, Any]
COLUMNS = (
    *("response", "centre_x", "centre_y", "size", "spatial_frequency", "orientation"),
    *("preferred_orientation", "orientation_selectivity"),
)
MAX_CURVES = 40
MAX_AREA = 60  # points squared, of the largest patch
NOTHING = "No neuron has an optimal Gabor patch."


def query_gabors(dataset: str, *conditions: Any) -> Gabors | None:
    """Optimal patches of the best model by validation loss that has any; None where none has.

    Columns of `OptimalGabor.Neuron`, each (neurons,) with NaN for a neuron without one, those of `query_neurons`,
    `tuning_curves` (neurons, orientations), `image_size` (height, width), `id`, `config` and `key`.
    """
    row = best_row(OptimalGabor, dataset, *conditions)
    if row is None:
        return None
    key = key_of(OptimalGabor, row)
    height, width = (Dataset & (TrainingSet.Member & key)).fetch1("image_height", "image_width")
    return {
        "id": row["id"],
        "config": row["config"],
        "key": key,
        "image_size": (height, width),
        "tuning_curves": array((OptimalGabor & key).fetch1("tuning_curves")),
        **query_neurons(row),
        **query_part(OptimalGabor.Neuron, key, COLUMNS),
    }


def centred_curves(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles from the peak in degrees, and (neurons, angles): each curve turned to its peak and divided by it.

    The first angle, -90, comes again as the last. A curve that is flat, not finite or has no rate is NaN.
    """
    relative, number_of = relative_rates(curves), curves.shape[1]
    steps = np.arange(number_of + 1) - number_of // 2
    peak = relative.argmax(axis=1)[:, None]
    return steps * 180 / number_of, np.take_along_axis(relative, (peak + steps) % number_of, axis=1)


def plot_gabors_figure(figure: Figure, found: Gabors | None) -> None:
    """Maps of orientation and frequency over the image, tuning curves, and their selectivity."""
    if found is None:
        say(figure.subplots(), "No optimal Gabor patch was searched yet.")
        return
    axes = figure.subplots(2, 2)
    plot_orientation_map(axes[0, 0], found)
    plot_frequency_map(axes[0, 1], found)
    plot_tuning_curves(axes[1, 0], found)
    selectivity = found["orientation_selectivity"]
    plot_histogram(axes[1, 1], selectivity, found["kind"], "1 - circular variance", NOTHING)
    axes[1, 1].set_title("orientation selectivity")


def plot_orientation_map(axis: Axes, found: Gabors) -> None:
    """A line for each neuron where its patch lies, in its orientation; true places of simulated neurons as crosses."""
    known = np.isfinite(found["centre_x"]) & np.isfinite(found["orientation"])
    if not known.any():
        say(axis, NOTHING)
        return
    x, y, angle = found["centre_x"][known], found["centre_y"][known], found["orientation"][known]
    reach = 0.035 * max(found["image_size"])
    ends = np.stack([x, y], axis=1)
    step = np.stack([np.cos(angle), -np.sin(angle)], axis=1) * reach
    lines = LineCollection(
        list(np.stack([ends - step, ends + step], axis=1)), cmap="twilight_shifted", linewidths=2, capstyle="round",
        path_effects=[withStroke(linewidth=3, foreground="0.4")],  # the middle of the scale is nearly white
    )  # fmt: skip
    lines.set_array(np.degrees(angle) % 180)
    lines.set_clim(0, 180)
    axis.add_collection(lines)
    if np.isfinite(found["x_true"]).any():
        axis.plot(found["x_true"], found["y_true"], "+", color="0.5", markersize=4, zorder=0, label="true place")
        axis.legend(loc="lower left", bbox_to_anchor=(0.6, 1), fontsize=7.5, borderpad=0, markerscale=1.5)
    colours = axis.figure.colorbar(lines, ax=axis, label="orientation, degrees", pad=0.02)
    colours.set_ticks([0, 45, 90, 135, 180])
    _as_image(axis, found["image_size"])
    axis.set_title("place and orientation")


def plot_frequency_map(axis: Axes, found: Gabors) -> None:
    """A disc for each neuron where its patch lies, of an area by the patch's size, coloured by its frequency."""
    known = np.isfinite(found["centre_x"]) & np.isfinite(found["spatial_frequency"])
    if not known.any():
        say(axis, NOTHING)
        return
    size = found["size"][known]
    area = MAX_AREA * size / size.max()
    frequency = found["spatial_frequency"][known]
    dots = axis.scatter(
        found["centre_x"][known], found["centre_y"][known], area, frequency, cmap="viridis", alpha=0.75, linewidth=0
    )
    axis.figure.colorbar(dots, ax=axis, label="cycles per pixel", pad=0.02)
    marks = [
        axis.scatter([], [], MAX_AREA * value / size.max(), "0.5") for value in np.unique([size.min(), size.max()])
    ]
    names = [f"{value:.3g}" for value in np.unique([size.min(), size.max()])]
    axis.legend(marks, names, title="size, pixels", ncols=2, fontsize=7, title_fontsize=7, loc="upper right")
    _as_image(axis, found["image_size"])
    axis.set_title("place, size and spatial frequency")


def plot_tuning_curves(axis: Axes, found: Gabors) -> None:
    """Curves about their peaks, in parts of it: some of the neurons thin, the mean of each kind thick."""
    angles, curves = centred_curves(found["tuning_curves"])
    known = np.isfinite(curves).all(axis=1)
    if not known.any():
        say(axis, "No neuron is tuned to orientation.")
        return
    chosen = np.flatnonzero(known)
    for neuron in chosen[:: -(-len(chosen) // MAX_CURVES)]:
        axis.plot(angles, curves[neuron], color="0.85", linewidth=0.7, zorder=0)
    for name, colour in kinds_of(found["kind"][known]):
        members = known & (found["kind"] == name)
        axis.plot(angles, curves[members].mean(axis=0), color=colour, linewidth=2, label=f"{name} ({members.sum():,})")
    axis.set(xlabel="orientation from the peak, degrees", ylabel="rate / peak", ylim=(0, 1.35), xlim=(-90, 90))
    axis.set_xticks([-90, -45, 0, 45, 90])
    axis.legend(fontsize=7, loc="upper center", ncols=2, title="mean over neurons", title_fontsize=7)
    axis.set_title("orientation tuning")


def describe_gabors(found: Gabors | None) -> str:
    if found is None:
        return "No optimal Gabor patch was searched yet."
    known = np.isfinite(found["centre_x"])
    if not known.any():
        return NOTHING
    selectivity = describe_by_kind(found["orientation_selectivity"], found["kind"])
    frequency = number(median(found["spatial_frequency"]), 2)
    return (
        f"Optimal Gabor patches of {count(int(known.sum()), 'neuron')} of {found['config']} over the image, and their "
        f"orientation tuning. Median orientation selectivity {selectivity}; median spatial frequency {frequency} "
        "cycles per pixel."
    )


def _as_image(axis: Axes, size: tuple[int, int]) -> None:
    height, width = size
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xlabel="x, pixels", ylabel="y, pixels")
    axis.set_aspect("equal")
    axis.spines[["top", "right"]].set_visible(True)
