"""A trained model as a folder of files that anybody can load without the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models import exported
from models.data import image_scale, response_scale
from pipeline.errors import UserError
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel, TrainingTask

SCORES = ("val_loss", "val_corr", "test_corr", "ceiling")


def export_model(key: dict[str, Any], folder: Path, dataset: str | None = None) -> list[Path]:
    """Write the model of a key into a folder, which must be new or empty; gives the paths of its files.

    dataset: which of its recordings; a model of several needs it, since each has a readout and a scale of its own.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already and not empty; name a new folder")
    size, counts = (TrainingSet & key).shapes()
    if dataset is None and len(counts) > 1:
        raise UserError(
            f"the model is of {len(counts)} recordings; name one of them by --dataset: {' or '.join(counts)}"
        )
    if dataset is not None and dataset not in counts:
        raise UserError(f"the model is not of recording {dataset!r}; allowed are {', '.join(counts)}")
    dataset = dataset or next(iter(counts))
    training = (TrainingSet & key).load(dataset)
    mean, sd = image_scale(training.train_images)
    scores = (TrainedModel & key).proj(*SCORES, "versions", "git_commit").fetch1()
    settings = (TrainingTask & key).keywords() | {
        "image_size": list(size),
        "num_neurons": counts[dataset],
        "neuron_id": training.neuron_id.tolist(),
        "image_mean": mean,  # what the pixels of training images had; images enter as (pixel - mean) / SD
        "image_sd": sd,
        "response_sd": response_scale(training.train_responses).tolist(),  # a rate times it is in the recording's unit
        "content_sha256": (Dataset & {"dataset_name": dataset}).fetch1("content_sha256"),
        "key": {name: scores[name] for name in TrainedModel.primary_key},
        "scores": {name: scores[name] for name in SCORES},
        "versions": scores["versions"],
        "git_commit": scores["git_commit"],
    }
    exported.save_model((TrainedModel & key).load_model(dataset), settings, folder)
    return sorted(folder.iterdir())
