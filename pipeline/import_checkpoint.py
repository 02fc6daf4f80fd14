"""A pre-trained model of the paper's authors becomes a row, with its score here and the published one beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import models
from models.build import build
from models.original_hashes import training_seed
from pipeline.checkpoints import Checkpoint, read_checkpoint
from pipeline.database.transaction import all_or_nothing
from pipeline.errors import UserError
from pipeline.named_config import NamedConfig
from pipeline.names import check_known
from pipeline.published import BY_LOG_HASH
from pipeline.tasks import config_named, insert_task
from schemas.dataset import Dataset
from schemas.training import TrainedModel, TrainingTask


class Import(NamedTuple):
    """What came of an import: the key, whether its row is new, and what is to be said of it."""

    key: dict[str, Any]
    is_new: bool
    warning: str | None


def import_checkpoint(directory: Path, dataset: str | None = None, config: str | None = None) -> Import:
    """Import the checkpoint in a directory named by its log hash.

    dataset: the recording that it was trained on; by default the one that has as many neurons.
    config: the configuration of what its variables do not tell; by default the published one of that log hash.
    Raises UserError where checkpoint, recording and configuration do not fit each other; then nothing is written.
    """
    return insert_checkpoint(read_checkpoint(directory), dataset, config)


def insert_checkpoint(checkpoint: Checkpoint, dataset: str | None = None, config: str | None = None) -> Import:
    """The same for variables that are in memory."""
    named = checkpoint.architecture(_configuration(checkpoint, config))
    dataset = _dataset(checkpoint, dataset)
    published = BY_LOG_HASH.get(checkpoint.log_hash)
    origin = {
        "log_hash": checkpoint.log_hash,
        "variables_sha256": _digest(checkpoint.variables),
        "published_val_loss": published.val_loss if published else None,
        "published_test_corr": published.test_corr if published else None,
    }
    warning = None
    if published and published.named.config != named.config:
        found, wanted = (config.layers["num_filters"] for config in (named, published.named))
        warning = (
            f"{checkpoint.log_hash} is the name of a model with {wanted} features, this one has {found}: the published "
            "scores are of another architecture"
        )
    # Another trainer than that of the models that are trained here, so that these stand beside it.
    imported = named.derived(named.config, named.summary, trainer={"trainer": f"{named.trainer['trainer']}-imported"})
    return all_or_nothing(lambda: Import(*_insert(checkpoint, dataset, imported, origin), warning))


def _insert(
    checkpoint: Checkpoint, dataset: str, named: NamedConfig, origin: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """The key, and whether its row is new."""
    key = insert_task(dataset, named, training_seed(checkpoint.log_hash))
    known = (TrainedModel.Imported & key).to_dicts()
    if known and known[0]["variables_sha256"] != origin["variables_sha256"]:
        raise UserError(
            f"{checkpoint.path}: {checkpoint.log_hash} is in the database already, with other values; delete that row "
            "first"
        )
    if not known:
        TrainedModel().insert_imported(key, _model(checkpoint, key, dataset), checkpoint.num_iterations, origin)
    return key, not known


def _configuration(checkpoint: Checkpoint, config: str | None) -> NamedConfig:
    if config is not None:
        return config_named(config)
    if checkpoint.log_hash not in BY_LOG_HASH:
        raise UserError(
            f"{checkpoint.path}: {checkpoint.log_hash} is no published log hash; name the configuration that it was "
            "trained with by --config"
        )
    return BY_LOG_HASH[checkpoint.log_hash].named


def _dataset(checkpoint: Checkpoint, dataset: str | None) -> str:
    if dataset is not None:
        check_known(Dataset, dataset)
        return dataset
    fitting = (Dataset & {"num_neurons": checkpoint.num_neurons}).to_arrays("dataset_name", order_by="dataset_name")
    if len(fitting) != 1:
        found = ", ".join(fitting) or "none"
        raise UserError(
            f"{checkpoint.path}: has {checkpoint.num_neurons} neurons, and of the recordings that many have: {found}; "
            "name the one that it was trained on by --dataset"
        )
    return str(fitting[0])


def _model(checkpoint: Checkpoint, key: dict[str, Any], dataset: str) -> models.CorePlusReadoutModel:
    height, width, num_neurons = (Dataset & {"dataset_name": dataset}).fetch1(
        "image_height", "image_width", "num_neurons"
    )
    sizes = {"image_size": (height, width), "num_neurons": num_neurons}
    model = build((TrainingTask & key).keywords() | sizes)
    try:
        models.load_tensorflow_variables(model, checkpoint.variables)
    except ValueError as error:
        raise UserError(f"{checkpoint.path}: for recording {dataset!r}, {error}") from error
    return model


def _digest(variables: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(variables.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
