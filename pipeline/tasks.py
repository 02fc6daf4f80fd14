"""Declaring what is to be trained: rows of the architecture, the penalties, the trainer, the seed, the task."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from models.choices import MAX_SEED
from models.random_search import random_search
from pipeline.configs import CONFIGS
from pipeline.database.transaction import all_or_nothing
from pipeline.errors import UserError
from pipeline.named_config import NamedConfig
from pipeline.names import check_known, insert_named, is_new, taken
from pipeline.training_sets import insert_named_set, num_images
from schemas.architecture import Core, ModelConfig, Readout
from schemas.dataset import TrainingSet
from schemas.training import Regularization, Seed, TrainerConfig, TrainingTask


def declare_task(training_set: str, config: str | NamedConfig, seed: int, called: str | None = None) -> dict[str, Any]:
    """Declare the training of a configuration, by its name or as it is, unless it is there already; gives its key.

    training_set: its name, which may tell parts of recordings, or several: then it is declared, too, and may be
        `called` otherwise.
    """
    named = config_named(config) if isinstance(config, str) else config

    def insert() -> dict[str, Any]:
        name = insert_named_set(training_set, called)
        check_task(name, named, seed)
        return insert_task(name, named, seed)

    return all_or_nothing(insert)


def declare_search(
    training_set: str, config: str | NamedConfig, num_draws: int = 32, search_seed: int = 0, seed: int = 0
) -> list[dict[str, Any]]:
    """Declare trainings of a configuration with weights of its penalties drawn at random; gives their keys.

    The draws follow from `search_seed` and the bounds of the configuration, which are kept with them.
    """
    named = config_named(config) if isinstance(config, str) else config
    check_task(training_set, named, seed)
    return all_or_nothing(lambda: insert_search(training_set, named, num_draws, search_seed, seed))


def insert_task(training_set: str, named: NamedConfig, seed: int) -> dict[str, Any]:
    """Insert the rows of a task, in the caller's transaction, unless they are there already; gives its key."""
    key = {"training_set": training_set, "seed": seed, **_insert_config(named)}
    Seed.insert1({"seed": seed}, skip_duplicates=True)
    if not TrainingTask & key:
        TrainingTask.insert1(key | {"declared": datetime.now(UTC).replace(tzinfo=None)})
    return key


def insert_search(
    training_set: str, named: NamedConfig, num_draws: int, search_seed: int, seed: int
) -> list[dict[str, Any]]:
    """Insert the rows of a search, in the caller's transaction; gives the keys of its tasks."""
    keys = []
    for draw_seed, draw in random_search(search_seed, named.search_bounds, num_draws):
        drawn = named.derived(named.config, named.summary, regularization=draw)
        _insert_draw(drawn, draw_seed)
        keys.append(insert_task(training_set, drawn, seed))
    return keys


def check_task(training_set: str, named: NamedConfig, seed: int) -> None:
    """Raises UserError where the configuration cannot be trained on what is there."""
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"seed is {seed}; allowed is 0 to {MAX_SEED}")
    check_known(TrainingSet, training_set)
    images = num_images(training_set)
    if images < named.trainer["batch_size"]:
        raise UserError(
            f"training set {training_set!r} has {images} training images, fewer than one batch of {named.config!r}, "
            f"{named.trainer['batch_size']}; choose a configuration with smaller batches, or a larger recording"
        )


def content_hash(values: dict[str, Any]) -> str:
    """32 hexadecimal digits over names and values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def config_named(name: str) -> NamedConfig:
    """Raises UserError where there is no configuration of that name."""
    if name not in CONFIGS:
        raise UserError(f"configuration {name!r} is unknown; allowed are {', '.join(CONFIGS)}")
    return CONFIGS[name]


def _insert_draw(named: NamedConfig, draw_seed: int) -> None:
    """Where the weights were drawn, and from which intervals."""
    key = {"regularization": content_hash(named.weights)}
    if not Regularization & key:
        Regularization.insert1(key | named.regularization | {"search_seed": draw_seed})
        limits = named.search_bounds.items()
        Regularization.Bound.insert(key | {"weight": name, "lower": low, "upper": high} for name, (low, high) in limits)


def _insert_config(named: NamedConfig) -> dict[str, str]:
    """The rows of a named configuration; gives the keys `config`, `regularization` and `trainer`."""
    if is_new(Core, named.core):
        Core.insert1(named.core)
        Core.Layer.insert({"core": named.core["core"]} | layer for layer in _layers(named))
    elif (Core & named.core).keywords()[1] | named.layers != (Core & named.core).keywords()[1]:
        raise taken("core", named.core["core"])
    for table, row in ((Readout, named.readout), (TrainerConfig, named.trainer)):
        insert_named(table, row)
    pair = {"config": named.config, "core": named.core["core"], "readout": named.readout["readout"]}
    insert_named(ModelConfig, pair)
    regularization = {"regularization": content_hash(named.weights)}
    Regularization.insert1(regularization | named.regularization, skip_duplicates=True)
    return {"config": named.config, "trainer": named.trainer["trainer"], **regularization}


def _layers(named: NamedConfig) -> list[dict[str, Any]]:
    """A row of `Core.Layer` for each layer."""
    return [
        {"layer": i, **dict(zip(named.layers, values, strict=True))}
        for i, values in enumerate(zip(*named.layers.values(), strict=True), start=1)
    ]
