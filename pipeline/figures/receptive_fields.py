"""Gradient receptive fields and most exciting images by dominant feature: Fig. 6 of Ecker et al., ICLR 2019."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.rows import Row, array, best_row, key_of, query_neurons, query_part
from pipeline.figures.style import say
from pipeline.figures.words import count, number
from schemas.insilico import MEI, FeatureWeights, GradientRF
from schemas.training import TrainedModel

Fields = dict[str, Any]
MAX_FEATURES, PER_FEATURE = 8, 4


def query_fields(dataset: str, *conditions: Any) -> Fields | None:
    """Of the best model that has any: its neurons with `rfs`, `meis` (neurons, height, width) and `feature`.

    `rfs` or `meis` is None where they were not computed, `feature` (neurons,) NaN where the dominant feature is not
    known. `keys` are those of the rows by table. None where there is neither.
    """
    rows = [row for table in (GradientRF, MEI) if (row := best_row(table, dataset, *conditions)) is not None]
    if not rows:
        return None
    model = min(rows, key=lambda row: row["val_loss"])
    keys = {table.__name__: key for table in (GradientRF, MEI, FeatureWeights) if (key := _key(table, model))}
    neurons = query_neurons(model)
    feature = np.full(len(neurons["test_corr"]), np.nan)
    if "FeatureWeights" in keys:
        columns = query_part(FeatureWeights.Neuron, keys["FeatureWeights"], ["dominant_feature"])
        feature = columns["dominant_feature"]
    return {
        "id": model["id"],
        "config": model["config"],
        "keys": keys,
        "test_corr": neurons["test_corr"],
        "neuron_id": neurons["neuron_id"],
        "feature": feature,
        "rfs": array((GradientRF & keys["GradientRF"]).fetch1("rfs")) if "GradientRF" in keys else None,
        "meis": array((MEI & keys["MEI"]).fetch1("images")) if "MEI" in keys else None,
    }


def choose_neurons(fields: Fields) -> list[tuple[str, np.ndarray]]:
    """For each dominant feature, most frequent first, the best predicted of its neurons; one group if none is known."""
    feature = fields["feature"]
    shown = np.isfinite(fields["test_corr"]) & _has_field(fields)
    groups = [(f"feature {int(i)}", shown & (feature == i)) for i in np.unique(feature[np.isfinite(feature)])]
    if not groups:
        groups = [("", shown)]
    groups = sorted((group for group in groups if group[1].any()), key=lambda group: -group[1].sum())
    width = PER_FEATURE if len(groups) > 1 else 2 * PER_FEATURE
    return [(name, _best(fields["test_corr"], members, width)) for name, members in groups[:MAX_FEATURES]]


def plot_fields(figure: Figure, fields: Fields | None) -> None:
    """A row for each dominant feature; of each neuron its gradient and its most exciting image."""
    groups = choose_neurons(fields) if fields else []
    if fields is None or not groups:
        say(figure.subplots(), "No receptive field was computed yet, or no neuron has one.")
        return
    stacks = [stack for stack in ("rfs", "meis") if fields[stack] is not None]
    width = max(len(neurons) for _, neurons in groups)
    axes = figure.subplots(len(groups), width * len(stacks), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for row, (name, neurons) in zip(axes, groups, strict=True):
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, rotation=90, ha="right", va="center")
        for i, neuron in enumerate(neurons):
            for j, stack in enumerate(stacks):
                plot_field(row[i * len(stacks) + j], fields[stack][neuron], is_gradient=stack == "rfs")
            title = f"{fields['neuron_id'][neuron]}: {number(fields['test_corr'][neuron], 2)}"
            row[i * len(stacks)].set_title(title, fontsize=7.5, loc="left", pad=2)


def plot_field(axis: Axes, field: np.ndarray, *, is_gradient: bool) -> None:
    """A gradient in red and blue, an image in grey, both symmetric about 0."""
    peak = float(np.abs(field).max()) or 1.0
    axis.imshow(field, cmap="RdBu_r" if is_gradient else "gray", vmin=-peak, vmax=peak, interpolation="nearest")


def figure_size(fields: Fields | None) -> tuple[float, float]:
    """Inches that the grid needs."""
    groups = choose_neurons(fields) if fields else []
    if fields is None or not groups:
        return 6.4, 1.4
    images = max(len(neurons) for _, neurons in groups) * sum(fields[stack] is not None for stack in ("rfs", "meis"))
    return 0.4 + 1.15 * images, 0.1 + 1.25 * len(groups)


def describe_fields(fields: Fields | None) -> str:
    groups = choose_neurons(fields) if fields else []
    if fields is None or not groups:
        return "No receptive field was computed yet, or no neuron has one."
    shown = np.concatenate([neurons for _, neurons in groups])
    what = " and ".join(
        name
        for stack, name in (("rfs", "gradient receptive fields"), ("meis", "most exciting images"))
        if fields[stack] is not None
    )
    low, high = fields["test_corr"][shown].min(), fields["test_corr"][shown].max()
    each = f" of each of {count(len(groups), 'dominant feature')}" if groups[0][0] else ""
    return (
        f"{what.capitalize()} of {count(len(shown), 'neuron')} of {fields['config']}, the best predicted{each}; "
        f"their test correlations are {number(low, 2)} to {number(high, 2)}."
    )


def _key(table: Any, model: Row) -> Row | None:
    keys = (table & key_of(TrainedModel, model)).keys(order_by=table.primary_key, limit=1)
    return keys[0] if keys else None


def _has_field(fields: Fields) -> np.ndarray:
    """(neurons,): whether any of its images is other than blank."""
    stacks = [fields[stack] for stack in ("rfs", "meis") if fields[stack] is not None]
    return np.any([np.isfinite(stack).all(axis=(1, 2)) & (np.ptp(stack, axis=(1, 2)) > 0) for stack in stacks], axis=0)


def _best(test_corr: np.ndarray, members: np.ndarray, how_many: int) -> np.ndarray:
    chosen = np.flatnonzero(members)
    return chosen[np.argsort(-test_corr[chosen], kind="stable")][:how_many]
