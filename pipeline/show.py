"""A trained model's whole story: what it was trained on, how, what came of it, and where."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import datajoint as dj

import schemas
from pipeline.results import short_id
from pipeline.stored_cores import origin_of
from schemas.architecture import Core, ModelConfig, Readout
from schemas.dataset import Dataset, TrainingSet
from schemas.experiment import Experiment
from schemas.training import Regularization, TrainedModel, TrainerConfig, TrainingTask

PROVENANCE = (
    "git_commit", "git_dirty", "versions", "device", "device_name", "cuda_version", "num_threads", "numerics",
    "hostname", "started", "duration",
)  # fmt: skip


def story(key: dict[str, Any]) -> dict[str, Any]:
    """All that the tables tell of the model of a key, under headings; names and values are those of the columns."""
    model, config = TrainedModel & key, ModelConfig & key
    (row,) = _rows(model.proj(..., "-weights"))
    weights = model.fetch1("weights")
    apart = {*key, *PROVENANCE, "num_iterations", "recording_sha256"}
    curve = _rows(TrainedModel.Curve & key, key, order_by="iteration")
    return {
        "id": short_id(row),
        "key": {name: row[name] for name in TrainedModel.primary_key},
        "declared": (TrainingTask & key).fetch1("declared"),
        "recording_sha256": row["recording_sha256"],
        "recordings": [_recording(member) for member in _rows(TrainingSet.Member & key, {"training_set"})],
        "config": row["config"],
        "core": _rows(Core & config)[0] | {"layers": _rows(Core.Layer & (Core & config), {"core"}, order_by="layer")},
        "core_origin": _origin(key),
        "readout": _rows(Readout & config)[0],
        "regularization": _rows(Regularization & key)[0]
        | {"bounds": _rows(Regularization.Bound & key, {"regularization"}, order_by="weight")},
        "trainer": _rows(TrainerConfig & key)[0],
        "seed": row["seed"],
        "training": {"num_iterations": row["num_iterations"], "duration": row["duration"], "curve": curve},
        "scores": {name: value for name, value in row.items() if name not in apart},
        "provenance": {name: row[name] for name in PROVENANCE},
        "imported": next(iter(_rows(TrainedModel.Imported & key, key)), None),
        "experiments": _rows(Experiment.Member & key, key, order_by="experiment_name"),
        "in_silico": _in_silico(key),
        "weights": {"path": weights.path, "size": weights.size, "sha256": weights.sha256},
    }


def _origin(key: dict[str, Any]) -> dict[str, Any] | None:
    """Of a core that was not trained here: the model that it came from."""
    origin = origin_of(key)
    return None if origin is None else {"id": short_id(origin)} | origin


def as_json(story: dict[str, Any]) -> str:
    return json.dumps(story, indent=2, default=datetime.isoformat)


def _recording(member: dict[str, Any]) -> dict[str, Any]:
    """Which of its trials count, its columns, and where its file lies."""
    dataset = Dataset & {"dataset_name": member["dataset_name"]}
    (row,) = _rows(dataset.proj(..., "-recording"))
    file = dataset.fetch1("recording")
    return member | row | {"path": str(file.path), "size": file.size}


def _in_silico(key: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each row of a table below `TrainedModel`: the table, and its settings by their names."""
    below = [table for table in schemas.computed_tables() if table is not TrainedModel]
    return [
        {"table": table.__name__, "settings": row}
        for table in below
        for row in _rows((table & key).proj(), key, order_by="KEY")
    ]


def _rows(query: dj.Table, without: Any = (), **options: Any) -> list[dict[str, Any]]:
    """All rows, without some columns; truth values as such, since MySQL gives them as numbers."""
    attributes = query.heading.attributes
    flags = {name for name, attribute in attributes.items() if attribute.original_type == "bool"}
    return [
        {
            name: bool(value) if name in flags and value is not None else value
            for name, value in row.items()
            if name not in without
        }
        for row in query.to_dicts(**options)
    ]
