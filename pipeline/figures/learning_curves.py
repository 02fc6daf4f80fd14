"""Learning curves: validation loss and correlation of several trainings, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipeline.database.fetch import fetch_rows
from pipeline.figures.rows import Row, column, task_of
from pipeline.figures.style import COLOURS, LINE_COLOUR, say
from pipeline.figures.words import count, known, number
from schemas.training import TrainedModel

Curve = dict[str, Any]
OTHERS = "others"
MOST = 500  # curves; more of them are one blot, and take seconds to read


def query_curves(members: list[Row]) -> list[Curve]:
    """For each training that has one, its name, the group it is drawn with, and `iteration`, `val_loss`, `val_corr`.

    A group is a series of the experiment, or a label where there is one series; what is not finite is NaN. Of more than
    `MOST` they are those of the lowest validation loss, of each group as many; `of` is how many there are.
    """
    imported = {task_of(row) for row in TrainedModel.Imported.proj().to_dicts()}
    trained = [row for row in members if row["trained"] and task_of(row) not in imported]
    group = "series" if len({row["series"] for row in members}) > 1 else "label"
    chosen = _best(trained, group)
    keys = [{name: row[name] for name in TrainedModel.primary_key} for row in chosen]
    query = TrainedModel.Curve.proj("val_loss", "val_corr") & keys
    by_task: dict[tuple, list[Row]] = {}
    for row in fetch_rows(query, "iteration") if keys else []:
        by_task.setdefault(task_of(row), []).append(row)
    return [
        {"id": member["id"], "group": member[group], "of": len(trained)}
        | {name: column(by_task[task_of(member)], name) for name in ("iteration", "val_loss", "val_corr")}
        for member in chosen
        if task_of(member) in by_task
    ]


def plot_curves(figure: Figure, curves: list[Curve]) -> None:
    """Loss beside correlation; a colour for each group, of which the last share one where there are many."""
    if not curves:
        say(figure.subplots(), "No learning curve: nothing is trained yet, or the models were imported.")
        return
    groups = list(dict.fromkeys(curve["group"] for curve in curves))
    named = groups if len(groups) <= len(COLOURS) else groups[: len(COLOURS) - 1]
    colours = dict(zip(named, COLOURS, strict=False))
    shown: set[str] = set()
    for axis, score, label in zip(
        figure.subplots(1, 2), ("val_loss", "val_corr"), ("validation loss", "validation correlation"), strict=True
    ):
        for curve in curves:
            group = curve["group"] if curve["group"] in colours else OTHERS
            style = {"color": colours.get(group, LINE_COLOUR), "linewidth": 1.2, "alpha": 0.8}
            axis.plot(curve["iteration"], curve[score], label=None if group in shown else group, **style)
            shown.add(group)
        axis.set(xlabel="training step", ylabel=label)
        _leave_out_start(axis, score, curves)
    figure.legend(loc="outside upper left", ncols=min(len(shown), 4), title=some(curves), alignment="left")


def describe_curves(curves: list[Curve]) -> str:
    if not curves:
        return "No learning curve: nothing is trained yet, or the models were imported."
    steps = max(int(curve["iteration"].max()) for curve in curves)
    best = known([_highest(curve["val_corr"]) for curve in curves])
    reached = f"; the highest validation correlation is {number(best.max())}" if len(best) else ""
    trainings = some(curves) or count(len(curves), "training")
    return f"Validation loss and validation correlation of {trainings} over at most {count(steps, 'step')}{reached}."


def some(curves: list[Curve]) -> str | None:
    """Which they are, where they are not all."""
    if not curves or len(curves) == curves[0]["of"]:
        return None
    return f"the {len(curves):,} of {count(curves[0]['of'], 'training')} with the lowest validation loss"


def _best(trained: list[Row], group: str) -> list[Row]:
    """`MOST` of them at most, in their order."""
    places: dict[str, int] = {}
    by_place = []
    for row in sorted(trained, key=lambda row: row["val_loss"]):
        places[row[group]] = places.get(row[group], 0) + 1
        by_place.append((places[row[group]], task_of(row)))
    chosen = {task for _, task in sorted(by_place, key=lambda pair: pair[0])[:MOST]}
    return [row for row in trained if task_of(row) in chosen]


def _leave_out_start(axis: Any, score: str, curves: list[Curve]) -> None:
    """The loss before the first step dwarfs all that follows; it may leave the axes."""
    later = known(np.concatenate([curve[score][len(curve[score]) // 10 :] for curve in curves]))
    if score == "val_loss" and len(later) and later.max() > later.min():
        low, high = later.min(), np.percentile(later, 98)
        axis.set_ylim(low - 0.05 * (high - low), high + 0.15 * (high - low))


def _highest(values: np.ndarray) -> float:
    finite = known(values)
    return float(finite.max()) if len(finite) else float("nan")
