"""One model without thinking about tables: declare a task and train it here and now."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from pipeline.tasks import declare_task
from pipeline.work.progress import work_progress
from schemas.training import TrainedModel


def train(dataset: str, configs: list[str], seed: int, console: Console) -> list[dict[str, Any]]:
    """Train named configurations on a recording, but for those that are trained already; gives their keys.

    dataset: also the name of a training set, as `pipeline.training_sets` has them.
    """
    return train_declared([declare_task(dataset, config, seed) for config in configs], console)


def train_declared(keys: list[dict[str, Any]], console: Console) -> list[dict[str, Any]]:
    """Train what is declared under these keys, but for what is trained already; gives the keys."""
    for key in keys:
        if TrainedModel & key:
            done = f"{key['config']} is already trained on {key['training_set']} with seed {key['seed']}"
            console.print(f"{done}; nothing to do")
    with work_progress(console):
        TrainedModel().populate(keys)
    return keys
