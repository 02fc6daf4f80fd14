"""What the scores of a model of several recordings are of each of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.scores import mean_scores
from pipeline.training_sets import of_several
from schemas.rows import finite
from schemas.training import TrainedModel

NEURONS = ("val_corr", "test_corr", "ceiling", "explainable_variance", "feve")
UNKNOWN = ("val_corr_lower", "val_corr_upper", "test_corr_lower", "test_corr_upper")  # kept of all neurons together


def of_each_recording(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of trained models with `dataset_name`; those of several recordings with the scores of that one's neurons.

    Their `val_loss` stays that of all recordings, by which the training stopped; ends of intervals become None.
    """
    several = {key["training_set"] for key in of_several()}
    return [_of_recording(row) if row["training_set"] in several else row for row in rows]


def _of_recording(row: dict[str, Any]) -> dict[str, Any]:
    key = {name: row[name] for name in TrainedModel.primary_key}
    neurons = TrainedModel.Neuron & key & {"dataset_name": row["dataset_name"]}
    columns = (np.asarray(values, dtype=float) for values in neurons.to_arrays(*NEURONS))
    found = mean_scores(dict(zip(NEURONS, columns, strict=True)))
    return row | {name: finite(value) for name, value in found.items()} | dict.fromkeys(UNKNOWN)
