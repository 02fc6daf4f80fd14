"""One model without thinking about tables: declare a task and train it here and now."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from rich.console import Console

from pipeline.errors import UserError
from pipeline.tasks import declare_task
from pipeline.work import queue
from pipeline.work.progress import work_progress
from pipeline.work.worker import outcomes
from schemas.training import TrainedModel

PAUSE = 2.0  # seconds from one look to the next at what a worker trains


def train(dataset: str, configs: list[str], seed: int, console: Console) -> list[dict[str, Any]]:
    """Train named configurations on a recording, but for those that are trained already; gives their keys.

    dataset: also the name of a training set, as `pipeline.training_sets` has them.
    """
    return train_declared([declare_task(dataset, config, seed) for config in configs], console)


def train_declared(keys: list[dict[str, Any]], console: Console) -> list[dict[str, Any]]:
    """Train what is declared under these keys, but for what is trained already; gives the keys.

    Raises the error of a training that fails.
    """
    new = []
    for key in keys:
        if TrainedModel & key:
            done = f"{key['config']} is already trained on {key['training_set']} with seed {key['seed']}"
            console.print(f"{done}; nothing to do")
        else:
            new.append(key)
    with work_progress(console):
        for key in new:
            _train(key, console)
    return keys


def _train(key: dict[str, Any], console: Console) -> None:
    """Through the queue, so that no worker trains the same meanwhile; what one has already is waited for."""
    table, told = TrainedModel(), False
    queue.retry(table, [key])
    while True:
        with closing(outcomes([table], [key])) as worked_off:
            for outcome in worked_off:
                if outcome.error is not None:
                    raise outcome.error
        if table & key:
            return
        left = (table.jobs & key).to_dicts()
        if not left or left[0]["status"] not in ("pending", "reserved"):
            reason = left[0]["error_message"] or "its job is left out" if left else "it is declared no more"
            raise UserError(f"{key['config']} was not trained ({reason}); `hypercolumn status` tells more")
        if not told:
            console.print(f"{key['config']} is being trained by a worker; waiting for it")
            told = True
        time.sleep(PAUSE)
