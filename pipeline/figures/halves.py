"""Two models of one recording, each trained on a half of its trials: do they predict the same neurons?"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures.rows import Row, query_neurons
from pipeline.figures.style import COLOURS, say
from pipeline.figures.words import count, mean, number

Halves = dict[str, Any]


def has_halves(members: list[Row]) -> bool:
    """Whether trainings on both halves belong to an experiment."""
    return {row["part"] for row in members if row["num_parts"] == 2} == {1, 2}


def query_halves(members: list[Row]) -> Halves | None:
    """The best model of each half by validation loss, of one configuration if one is trained on both.

    `first`, `second`, `ceiling` are (neurons,), `models` the two rows. None where a half is not trained.
    """
    trained = sorted((row for row in members if row["trained"] and row["num_parts"] == 2), key=_loss)
    first_configs, second_configs = ({row["config"] for row in trained if row["part"] == part} for part in (1, 2))
    both = first_configs & second_configs
    chosen = [row for row in trained if row["config"] in both] or trained
    models = [next((row for row in chosen if row["part"] == part), None) for part in (1, 2)]
    if models[0] is None or models[1] is None:
        return None
    first, second = (query_neurons(model) for model in models if model)
    return {
        "models": models,
        "first": first["test_corr"],
        "second": second["test_corr"],
        "ceiling": first["ceiling"],
    }


def agreement(found: Halves) -> float | None:
    """Correlation over neurons of the test correlations of both halves; None where it is not defined."""
    if len(found["first"]) < 2 or np.ptp(found["first"]) == 0 or np.ptp(found["second"]) == 0:
        return None
    return float(np.corrcoef(found["first"], found["second"])[0, 1])


def plot_halves(figure: Figure, found: Halves | None) -> None:
    """One half against the other, and both against the ceiling."""
    if found is None:
        say(figure.subplots(), "Not both halves are trained yet.")
        return
    left, right = figure.subplots(1, 2)
    left.scatter(found["first"], found["second"], 14, color=COLOURS[0], alpha=0.8, linewidth=0)
    _diagonal(left)
    left.set(xlabel="test correlation, first half", ylabel="test correlation, second half")
    if not np.isfinite(found["ceiling"]).any():
        say(right, "Without repeats of the test images the ceiling is not known.")
        return
    for (half, name), colour in zip((("first", "first half"), ("second", "second half")), COLOURS, strict=False):
        right.scatter(found["ceiling"], found[half], 14, color=colour, alpha=0.8, linewidth=0, label=name)
    _diagonal(right)
    right.set(xlabel="ceiling", ylabel="test correlation")
    right.legend(fontsize=8)


def describe_halves(found: Halves | None) -> str:
    if found is None:
        return "Not both halves are trained yet."
    agreed = agreement(found)
    agree = "" if agreed is None else f"; over neurons both correlate with {number(agreed, 2)}"
    ceiling = mean(found["ceiling"])
    best = "" if ceiling is None else f"; the mean ceiling is {number(ceiling)}"
    first, second = mean(found["first"]), mean(found["second"])
    over = count(len(found["first"]), "neuron")
    return (
        f"Mean test correlation over {over}: {number(first)} of the first half and {number(second)} of the second"
        f"{agree}{best}."
    )


def _diagonal(axis: Axes) -> None:
    axis.axline((0, 0), slope=1, color="0.6", linewidth=0.8, zorder=0)


def _loss(row: Row) -> float:
    return row["val_loss"]
