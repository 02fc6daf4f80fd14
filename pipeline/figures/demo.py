"""The figure of `hypercolumn demo`: two models of one simulated recording side by side."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.by_kind import kinds_of
from pipeline.figures.rows import query_neurons
from pipeline.figures.style import COLOURS, DPI, drawn
from schemas.architecture import Core, ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel


def demo_figure(keys: list[dict[str, Any]], path: Path) -> Path:
    """Two models of one simulated recording, given by their keys, side by side; written as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn(lambda figure: _draw(figure, keys), 12, 7.4).savefig(path, dpi=DPI)
    return path


def _draw(figure: Figure, keys: list[dict[str, Any]]) -> None:
    dataset = Dataset & (TrainingSet.Member & keys[0])
    axes = figure.subplots(2, 3, width_ratios=[1.2, 1, 1])
    _images(axes[0, 0], dataset)
    _curves(axes[0, 1], keys)
    _by_kind(axes[0, 2], keys)
    _filters(axes[1, 0], keys[0])
    _neuron_by_neuron(axes[1, 1], keys)
    _ranked(axes[1, 2], keys)
    name, neurons = dataset.fetch1("dataset_name", "num_neurons")
    figure.suptitle(f"{name}: {neurons} neurons of V1, {' and '.join(key['config'] for key in keys)}", fontsize=12)


def _images(axis: Axes, dataset: Dataset) -> None:
    """Some training images, with receptive fields of the neurons on top of the first ones."""
    recording = dataset.load()
    height, width = recording.image_size
    rows, columns, gap = 4, 5, 2
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), 255, dtype=float)
    for i, image in enumerate(recording.train_images[: rows * columns]):
        y, x = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = image
    axis.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    axis.set_title("images, and where some neurons look", loc="left")
    for neuron in (dataset.Neuron & dataset.proj() & f"neuron_index < {rows * columns}").to_dicts(
        order_by="neuron_index"
    ):
        i, reach = neuron["neuron_index"], 0.5 / (neuron["spatial_frequency"] or np.inf)
        if neuron["x"] is None:
            continue
        x = (i % columns) * (width + gap) + neuron["x"]
        y = (i // columns) * (height + gap) + neuron["y"]
        dx, dy = reach * np.cos(neuron["orientation"]), -reach * np.sin(neuron["orientation"])
        axis.plot([x - dx, x + dx], [y - dy, y + dy], color="#ffb703", linewidth=2, solid_capstyle="round")
    axis.set_axis_off()


def _curves(axis: Axes, keys: list[dict[str, Any]]) -> None:
    for key, colour in zip(keys, COLOURS, strict=False):
        points = (TrainedModel.Curve & key).to_dicts(order_by="iteration")
        steps = [point["iteration"] for point in points]
        axis.plot(steps, [point["val_corr"] for point in points], color=colour, label=key["config"])
    axis.set(xlabel="training step", ylabel="validation correlation", ylim=(0, None))
    axis.set_title("learning", loc="left")
    axis.legend(loc="lower right")


def _by_kind(axis: Axes, keys: list[dict[str, Any]]) -> None:
    """Mean test correlation of each kind of neuron, and the mean ceiling as a line."""
    models = [query_neurons(key) for key in keys]
    kinds = models[0]["kind"]
    names = sorted(set(kinds))
    positions = np.arange(len(names))
    for i, (key, colour) in enumerate(zip(keys, COLOURS, strict=False)):
        means = [models[i]["test_corr"][kinds == name].mean() for name in names]
        axis.bar(positions + (i - 0.5) * 0.36, means, 0.34, color=colour, label=key["config"])
    ceilings = [np.nanmean(models[0]["ceiling"][kinds == name]) for name in names]
    axis.hlines(ceilings, positions - 0.4, positions + 0.4, color="black", linewidth=1, label="ceiling")
    axis.set(ylabel="mean test correlation", ylim=(0, 1.25))
    counted = [f"{name} ({(kinds == name).sum()})" for name in names]
    axis.set_xticks(positions, [fill(name, 13) for name in counted], fontsize=8)
    axis.set_title("by kind of neuron (how many)", loc="left")
    axis.legend(fontsize=7, loc="upper center", ncols=3)


def _filters(axis: Axes, key: dict[str, Any]) -> None:
    """First-layer filters of the equivariant model: a row each, turned into all its orientations."""
    kernel = (TrainedModel & key).load_model().core.kernels()[0].detach().numpy()[:, 0]
    size = kernel.shape[-1]
    rotations = (Core & (ModelConfig & key)).fetch1("num_rotations") or 1
    filters = len(kernel) // rotations
    sheet = np.full((filters * (size + 1), rotations * (size + 1)), np.nan)
    for i, one in enumerate(kernel):
        y, x = (i % filters) * (size + 1), (i // filters) * (size + 1)
        sheet[y : y + size, x : x + size] = one / np.abs(one).max()
    axis.imshow(sheet, cmap="RdBu_r", vmin=-1, vmax=1)
    axis.set_title("filters of the first layer, in all orientations", loc="left")
    axis.set_axis_off()


def _neuron_by_neuron(axis: Axes, keys: list[dict[str, Any]]) -> None:
    first, second = (query_neurons(key) for key in keys)
    for name, colour in kinds_of(first["kind"]):
        of_kind = first["kind"] == name
        axis.scatter(second["test_corr"][of_kind], first["test_corr"][of_kind], 14, color=colour, label=name)
    axis.plot([0, 1], [0, 1], color="gray", linewidth=0.8, zorder=0)
    axis.set(xlabel=f"test correlation, {keys[1]['config']}", ylabel=f"test correlation, {keys[0]['config']}")
    axis.set_aspect("equal")
    axis.set_title("neuron by neuron", loc="left")
    axis.legend(fontsize=7, loc="lower right")


def _ranked(axis: Axes, keys: list[dict[str, Any]]) -> None:
    """Neurons in the order of their ceiling: its interval as a band, both models as dots."""
    models = [query_neurons(key) for key in keys]
    order = np.argsort(models[0]["ceiling"])
    ranks = np.arange(len(order))
    band = (models[0]["ceiling_lower"][order], models[0]["ceiling_upper"][order])
    axis.fill_between(ranks, *band, color="0.85", label="ceiling, 95 % interval", linewidth=0)
    for i, (key, colour) in enumerate(zip(keys, COLOURS, strict=False)):
        axis.scatter(ranks, models[i]["test_corr"][order], 9, color=colour, label=key["config"])
    axis.set(xlabel="neuron, by ceiling", ylabel="test correlation", ylim=(None, 1.2))
    axis.set_title("what could be predicted, and what was", loc="left")
    axis.legend(fontsize=7, loc="upper center", ncols=3, columnspacing=1)
