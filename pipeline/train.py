"""One model without thinking about tables: declare a task and train it here and now."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from pipeline.progress import work_progress
from pipeline.tasks import declare_task
from schemas.training import TrainedModel


def train(dataset: str, configs: list[str], seed: int, console: Console) -> list[dict[str, Any]]:
    """Train named configurations on a recording, but for those that are trained already; gives their keys."""
    keys = [declare_task(dataset, config, seed) for config in configs]
    for key in keys:
        if TrainedModel & key:
            console.print(f"{key['config']} is already trained on {dataset} with seed {seed}; nothing to do")
    with work_progress(console):
        TrainedModel().populate(keys)
    return keys
