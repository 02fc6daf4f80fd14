"""Which models there are, with their scores, and what is known of their neurons, as rows and arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import datajoint as dj
import numpy as np

from pipeline.database.fetch import fetch_rows
from pipeline.results import short_id
from pipeline.training_sets import of_other_neurons
from schemas.architecture import ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel, TrainingTask

Row = dict[str, Any]
UNKNOWN = "unknown kind"
# What a figure needs of a model, but for weights and versions.
SCORES = (
    "val_loss",
    "val_corr",
    "test_corr",
    "test_corr_lower",
    "test_corr_upper",
    "ceiling",
    "feve",
    "num_iterations",
)


def query_models(dataset: str | None = None) -> list[Row]:
    """Trained models, lowest validation loss first: keys, scores, architecture, recording and short id.

    Models of several recordings, or of some neurons, are not among them, here and below: their losses are of others.
    """
    query = (TrainedModel.proj(*SCORES) - of_other_neurons()) * ModelConfig * TrainingSet.Member
    if dataset is not None:
        query &= {"dataset_name": dataset}
    return [{"id": short_id(row), **row} for row in fetch_rows(query, ["val_loss", *TrainedModel.primary_key])]


def query_neurons(model: Row) -> dict[str, np.ndarray]:
    """Scores of a model's neurons and what is known of them, each (neurons,) in the order of the responses.

    Numbers that are not known are NaN; `kind` is a string, "unknown kind" where it is not known.
    """
    restricted = TrainedModel.Neuron & key_of(TrainedModel, model)
    known = Dataset.Neuron.proj(
        ..., "-expected_rate", "-properties", x_true="x", y_true="y", orientation_true="orientation"
    )
    rows = (restricted * known).to_dicts(order_by="neuron_index")
    scores = [f"{score}{end}" for score in ("test_corr", "ceiling") for end in ("", "_lower", "_upper")]
    names = ("neuron_id", "neuron_index", *scores, "mean_response")
    truth = ("x_true", "y_true", "orientation_true")
    columns = {name: column(rows, name) for name in (*names, *truth)}
    whole = {name: columns[name].astype(int) for name in ("neuron_id", "neuron_index")}
    return columns | whole | {"kind": np.array([row["kind"] or UNKNOWN for row in rows], dtype=str)}


def query_part(table: type[dj.Part], key: Row, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Columns of a part table over neurons, each (neurons,) in the order of the responses; NaN where null."""
    rows = ((table & key) * Dataset.Neuron.proj("neuron_index")).to_dicts(order_by="neuron_index")
    return {name: column(rows, name) for name in ("neuron_id", *names)}


def best_row(table: type[dj.Computed], dataset: str, *conditions: Any) -> Row | None:
    """The key of a table below `TrainedModel`, of the model of that recording with the lowest validation loss.

    conditions: further restrictions, of the models, their configurations and readouts.
    """
    query = (table.proj() - of_other_neurons()) * TrainedModel.proj("val_loss")
    query = query * ModelConfig * TrainingSet.Member.proj() & {"dataset_name": dataset}
    for condition in conditions:
        query &= condition
    rows = query.to_dicts(order_by=["val_loss", *table.primary_key], limit=1)
    return {"id": short_id(rows[0]), **rows[0]} if rows else None


def key_of(table: type[dj.Table], row: Row) -> Row:
    return {name: row[name] for name in table.primary_key}


def task_of(row: Row) -> tuple:
    """What tells a training task, for look-ups."""
    return tuple(row[name] for name in TrainingTask.primary_key)


def column(rows: Iterable[Row], name: str) -> np.ndarray:
    """(rows,) float64, NaN where null."""
    return np.array([row[name] for row in rows], dtype=float)


def array(stored: Any) -> np.ndarray:
    """What a column of type <npy> holds, read now."""
    return np.asarray(stored)
