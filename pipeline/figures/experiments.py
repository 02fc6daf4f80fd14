"""Experiments: their members with scores, the best of each point, and the rows of a table (Ecker et al., Table 1)."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from pipeline.database.fetch import fetch_rows
from pipeline.figures.rows import SCORES, Row, task_of
from pipeline.results import short_id
from schemas.architecture import ModelConfig, Readout
from schemas.dataset import TrainingSet
from schemas.experiment import Experiment
from schemas.training import TrainedModel

BEST = 5  # draws over which the SD is taken, as in the paper


def query_experiments(experiment: str | None = None) -> list[Row]:
    """Name, summary and axis of each experiment."""
    query = Experiment & ({} if experiment is None else {"experiment_name": experiment})
    return query.to_dicts(order_by="experiment_name")


def query_members(experiment: str, dataset: str | None = None) -> list[Row]:
    """The trainings of an experiment in their order, trained or not.

    Each has `id`, `dataset_name`, `series`, `label`, `value`, its keys, the columns of its part of the recording and
    of its readout, and the model's scores, which are None where it is not trained; `trained` tells.
    """
    query = (Experiment.Member & {"experiment_name": experiment}) * TrainingSet.Member * ModelConfig * Readout
    if dataset is not None:
        query &= {"dataset_name": dataset}
    members = fetch_rows(query, ["position", "series", "label"])
    scores = TrainedModel.proj(*SCORES) & (Experiment.Member & {"experiment_name": experiment}).proj()
    found = {task_of(row): {name: row[name] for name in SCORES} for row in fetch_rows(scores)}
    none = dict.fromkeys(SCORES)
    if len({row["family"] for row in members}) > 1:  # which must not become one line of a figure
        named = ({"series": f"{row['series']}, {row['family']}", "published_series": row["series"]} for row in members)
        members = [row | names for row, names in zip(members, named, strict=True)]
    return [
        {"id": short_id(row), **row, "trained": task_of(row) in found, **found.get(task_of(row), none)}
        for row in members
    ]


def query_published(experiment: str) -> list[Row]:
    """What others found, for their data only, in the order of the points."""
    query = Experiment.Published & {"experiment_name": experiment}
    return query.to_dicts(order_by=["position", "series", "label"])


def scores_of(published: list[Row]) -> list[Row]:
    """Those that are scores; the others are numbers by themselves, in `value`."""
    return [row for row in published if row["test_corr"] is not None or row["val_loss"] is not None]


def points(members: list[Row]) -> list[Row]:
    """A row for each family, series and label, in their order: the trained member of the lowest validation loss.

    Besides its columns there are `num_declared`, `num_trained`, `test_corr_sd` (over the best `num_in_sd` of the
    draws or seeds by validation loss, five at most, with n - 1; None for a single one) and `test_corrs` of those.
    A point of which nothing is trained has None for its scores.
    """
    ordered = sorted(members, key=_place)
    found = [_point(list(rows)) for _, rows in groupby(ordered, key=_place)]
    return sorted(found, key=lambda row: (row["family"], row["position"]))


def table_rows(members: list[Row], published: list[Row]) -> list[Row]:
    """The points, each with the published scores of the same series and position.

    Published scores of which there is no member come behind, with None for scores of our own.
    """
    scores = scores_of(published)
    by_point = {(row["series"], row["position"]): row for row in scores}
    found = points(members)
    places = [(row.get("published_series", row["series"]), row["position"]) for row in found]
    rows = [row | _as_published(by_point.get(place)) for row, place in zip(found, places, strict=True)]
    taken = set(places)
    missing: Row = {
        "num_declared": 0,
        "num_trained": 0,
        "id": None,
        "test_corrs": [],
        "test_corr_sd": None,
        "num_in_sd": 0,
    }
    none = dict.fromkeys(SCORES) | missing
    return rows + [
        {name: row[name] for name in ("series", "label", "value", "position")} | none | _as_published(row)
        for place, row in by_point.items()
        if place not in taken
    ]


def _place(row: Row) -> tuple[str, str, str]:
    return row["family"], row["series"], row["label"]


def _point(rows: list[Row]) -> Row:
    trained = sorted((row for row in rows if row["trained"]), key=lambda row: row["val_loss"])
    best = [row["test_corr"] for row in trained[:BEST]]
    return (trained or rows)[0] | {
        "num_declared": len(rows),
        "num_trained": len(trained),
        "test_corrs": best,
        "num_in_sd": len(best) if len(best) > 1 else 0,
        "test_corr_sd": float(np.std(best, ddof=1)) if len(best) > 1 else None,
    }


def _as_published(row: Row | None) -> dict[str, Any]:
    names = ("val_loss", "test_corr", "test_corr_sd")
    values = {f"published_{name}": row[name] if row else None for name in names}
    return values | {f"published_{name}": row[name] if row else None for name in ("label", "source")}
