"""Which features neurons use: Figs. 4 and 5 of Ecker et al., ICLR 2019, for one model or two beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from models.choices import READOUTS
from pipeline.figures.rows import Row, array, best_row, column, key_of, query_part
from pipeline.figures.style import COLOURS, say
from pipeline.figures.words import count, known, number
from schemas.architecture import Core, Readout
from schemas.insilico import FeatureWeightParameters, FeatureWeights

Weights = dict[str, Any]
DENSE = [{"readout_class": name} for name in READOUTS if "Dense" in name]
L1 = [{"readout_class": name} for name in READOUTS if "Dense" not in name]
HALF = 0.5  # of a neuron's squared weight, above which one feature stands for the neuron
NEURONS = ("num_features", "dominant_feature", "dominant_share", "preferred_orientation")


def query_feature_weights(dataset: str, *conditions: Any) -> list[Weights]:
    """Of the best models by validation loss, with L1 and with dense feature weights, as many as there are.

    Each has `id`, `config`, `title`, `key`, `num_rotations`, `min_share`, `shares` (neurons, features), `same_sign`
    (features,), and `num_features`, `dominant_feature`, `dominant_share`, `preferred_orientation`, each (neurons,) with
    NaN where a neuron reads nothing.
    """
    found = []
    for title, condition in (("L1 feature weights", L1), ("Dense feature weights", DENSE)):
        row = best_row(FeatureWeights, dataset, Readout & condition, *conditions)
        if row is not None:
            found.append(_weights(row, title))
    return found


def plot_feature_weights_figure(figure: Figure, models: list[Weights]) -> None:
    """A row of axes for each model."""
    if not models:
        say(figure.subplots(), "No feature weights were counted yet.")
        return
    parts = figure.subfigures(len(models), 1, squeeze=False)[:, 0]
    for part, weights in zip(parts, models, strict=True):
        part.suptitle(f"{weights['title']}: {weights['config']}", x=0.01, ha="left", fontsize=10)
        axes = part.subplots(1, 4, width_ratios=[1.25, 1, 1.1, 1])
        plot_shares(axes[0], weights)
        plot_num_features(axes[1], weights)
        plot_orientations(axes[2], weights)
        plot_same_sign(axes[3], weights)


def plot_shares(axis: Axes, weights: Weights) -> None:
    """Neurons, sorted by their dominant feature and its share, against features; what is below `min_share` is white."""
    order = sorted_neurons(weights)
    if not len(order):
        say(axis, "No neuron reads any feature.")
        return
    shares = weights["shares"][order]
    shown = np.ma.masked_array(shares, ~(shares > weights["min_share"]))
    image = axis.imshow(shown.T, aspect="auto", cmap="viridis_r", vmin=0, interpolation="nearest")
    axis.figure.colorbar(image, ax=axis, label="share of squared weight", pad=0.02)
    axis.locator_params(integer=True, min_n_ticks=1)
    axis.set(
        xlabel="neurons, by dominant feature", ylabel="feature", title=f"shares above {100 * weights['min_share']:g} %"
    )


def plot_num_features(axis: Axes, weights: Weights) -> None:
    """How many neurons use how many features."""
    used = weights["num_features"][reads(weights)].astype(int)
    if not len(used):
        say(axis, "No neuron reads any feature.")
        return
    counts = np.bincount(used)
    axis.bar(np.arange(len(counts)), counts, 0.8, color=COLOURS[0])
    axis.locator_params(integer=True, min_n_ticks=1)
    axis.set(xlabel=f"features above {100 * weights['min_share']:g} %", ylabel="neurons", title="features per neuron")


def plot_orientations(axis: Axes, weights: Weights) -> None:
    """How many neurons prefer which rotation of their dominant feature."""
    angle, feature = weights["preferred_orientation"], weights["dominant_feature"]
    oriented = np.isfinite(angle) & np.isfinite(feature)
    if not oriented.any():
        say(axis, "The model has no rotations, so no feature has a preferred one.")
        return
    rotations = weights["num_rotations"]
    step = 360 / rotations
    number_of = np.zeros((weights["shares"].shape[1], rotations))
    place = np.round(np.degrees(angle[oriented]) / step).astype(int) % rotations
    np.add.at(number_of, (feature[oriented].astype(int), place), 1)
    extent = (-step / 2, 360 - step / 2, len(number_of) - 0.5, -0.5)
    image = axis.imshow(number_of, aspect="auto", cmap="Blues", extent=extent, interpolation="nearest")
    axis.figure.colorbar(image, ax=axis, label="neurons", pad=0.02, ticks=MaxNLocator(integer=True))
    axis.set(xlabel="rotation, degrees", ylabel="dominant feature", title="preferred rotations")
    axis.set_xticks([0, 90, 180, 270])


def plot_same_sign(axis: Axes, weights: Weights) -> None:
    """For each feature the share of its weights that have the more frequent sign; a half is chance."""
    share = weights["same_sign"]
    if not np.isfinite(share).any():
        say(axis, "No feature has a weight.")
        return
    axis.plot(np.arange(len(share)), share, "o", color=COLOURS[0], markersize=5)
    axis.axhline(0.5, color="0.6", linewidth=0.8)
    axis.locator_params(axis="x", integer=True)
    axis.set(xlabel="feature", ylabel="share of weights", ylim=(0.45, 1.03), title="same sign")
    axis.set_xlim(-0.5, len(share) - 0.5)


def describe_feature_weights(models: list[Weights]) -> str:
    if not models:
        return "No feature weights were counted yet."
    return " ".join(_describe(weights) for weights in models)


def reads(weights: Weights) -> np.ndarray:
    """(neurons,): whether a neuron reads any feature."""
    return np.isfinite(weights["dominant_feature"])


def sorted_neurons(weights: Weights) -> np.ndarray:
    """Those that read something, by dominant feature, and within it the largest share first."""
    some = np.flatnonzero(reads(weights))
    return some[np.lexsort((-weights["dominant_share"][some], weights["dominant_feature"][some]))]


def _weights(row: Row, title: str) -> Weights:
    key = key_of(FeatureWeights, row)
    features = (FeatureWeights.Feature & key).to_dicts(order_by="feature")
    parameters = (FeatureWeightParameters & key).fetch1()
    return {
        "id": row["id"],
        "config": row["config"],
        "title": title,
        "key": key,
        "num_rotations": (Core & {"core": row["core"]}).fetch1("num_rotations"),
        "min_share": parameters["min_share"],
        "shares": array((FeatureWeights & key).fetch1("shares")),
        "same_sign": column(features, "same_sign"),
        **query_part(FeatureWeights.Neuron, key, NEURONS),
    }


def _describe(weights: Weights) -> str:
    some = reads(weights)
    if not some.any():
        return f"{weights['title']}: no neuron reads any feature."
    one = np.mean(weights["dominant_share"][some] > HALF)
    used, signs = weights["num_features"][some].mean(), known(weights["same_sign"])
    same = f"; shares of the same sign from {number(signs.min(), 2)} to {number(signs.max(), 2)}" if len(signs) else ""
    limit = f"{100 * weights['min_share']:g} %"
    return (
        f"{weights['title']}: {100 * one:.0f} % of {count(int(some.sum()), 'neuron')} have one feature that holds more "
        f"than half of their squared weight, {number(used, 1)} features on average are above {limit}{same}."
    )
