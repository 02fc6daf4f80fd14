"""Do the questions that people ask often stay quick when the tables are full?

Makes trained models (made up, not trained) in an embedded database of its own, and times `results`, `status` and the
report's queries on them, which shall take less than 2 s each. Then it queues as many new tasks, which shall take less
than 10 s, beside DataJoint's own `refresh`, which inserts them one by one.

    python benchmarks/many_rows.py [--models 10000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import pipeline
from models.simulation import simulate_recording
from pipeline.embedded import EmbeddedServer

EXPERIMENT, RECORDING = "many", "many"
CONFIGS = ("rotation-equivariant", "cnn")
AT_ONCE = 1000  # rows


@contextmanager
def own_database() -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("DJ_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="hypercolumn-") as home:
        os.environ["HYPERCOLUMN_HOME"] = home
        try:
            pipeline.connect()
            yield
        finally:
            EmbeddedServer(Path(home)).stop()


def declare(num_tasks: int, first_seed: int) -> list[dict[str, Any]]:
    """So many tasks of two configurations, which differ in their seed; gives their keys."""
    from pipeline.tasks import declare_task
    from schemas.training import Seed, TrainingTask

    now = datetime.now(UTC).replace(tzinfo=None)
    firsts = [declare_task(RECORDING, config, first_seed) for config in CONFIGS]
    seeds = range(first_seed, first_seed + num_tasks // len(firsts))
    Seed.insert(({"seed": seed} for seed in seeds), skip_duplicates=True)
    keys = [first | {"seed": seed} for first in firsts for seed in seeds]
    TrainingTask.insert((key | {"declared": now} for key in keys), skip_duplicates=True)
    return keys


def make_up(keys: list[dict[str, Any]]) -> None:
    """Rows of trained models with their neurons, curves and files, and of an experiment that they all belong to."""
    from schemas import provenance
    from schemas.dataset import TrainingSet
    from schemas.experiment import Experiment
    from schemas.training import TrainedModel

    random = np.random.default_rng(0)
    origin = provenance.of_run(torch.device("cpu"), datetime.now(UTC), 60.0)
    neurons = (TrainingSet & {"training_set": RECORDING}).neurons()
    of_neuron = list(TrainedModel.Neuron.heading.secondary_attributes)
    scores = [name for name in TrainedModel.heading.names if name.startswith(("val_", "test_", "ceiling", "feve"))]
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        rows = [
            dict.fromkeys(scores, float(random.uniform())) | origin | key
            | {"num_iterations": 1000, "git_dirty": False, "weights": {"weight": torch.zeros(1)}}
            for key in some
        ]  # fmt: skip
        TrainedModel.insert(rows, allow_direct_insert=True)
        TrainedModel.Neuron.insert(
            (key | neuron | dict.fromkeys(of_neuron, float(random.uniform())) for key in some for neuron in neurons),
            allow_direct_insert=True,
        )
        point = {"learning_rate": 0.01, "val_loss": 1.0, "train_loss": 1.0, "val_corr": 0.5, "is_best": True}
        TrainedModel.Curve.insert(
            (key | point | {"iteration": iteration} for key in some for iteration in range(20, 220, 20)),
            allow_direct_insert=True,
        )
    Experiment.insert1({"experiment_name": EXPERIMENT, "summary": "made up"})
    place = {"experiment_name": EXPERIMENT, "family": "small", "series": "made up", "value": None}
    Experiment.Member.insert(
        key | place | {"label": key["config"], "position": 1 + CONFIGS.index(key["config"])} for key in keys
    )


def seconds(function: Callable[[], Any]) -> dict[str, float]:
    """Wall time of a call, and the time that this process computed."""
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    function()
    return {
        "wall_s": time.perf_counter() - began,
        "user_s": resource.getrusage(resource.RUSAGE_SELF).ru_utime - used,
    }


def questions() -> dict[str, Callable[[], Any]]:
    from pipeline import results, status
    from pipeline.figures import experiments

    return {
        "results, as JSON": lambda: results.as_json(results.query_results()),
        "results, --where": lambda: results.query_results(where="test_corr > 0.9"),
        "status": lambda: (status.table_status(), status.worker_status(), status.failure_status()),
        "report: experiments": lambda: experiments.query_experiments(),
        "report: members": lambda: experiments.query_members(EXPERIMENT, RECORDING),
        "report: points": lambda: experiments.points(experiments.query_members(EXPERIMENT, RECORDING)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with own_database():
        from pipeline import queue
        from pipeline.datasets import add_recording
        from schemas.training import TrainedModel

        add_recording(RECORDING, simulate_recording(num_neurons=6, num_images=400, image_size=16))
        make_up(declare(options.models, first_seed=0))
        timed = {name: seconds(question) for name, question in questions().items()}
        table = TrainedModel()
        declare(options.models, first_seed=10**6)
        timed["queue"] = seconds(lambda: queue.refresh(table))
        assert len(table.jobs.pending) == options.models
        table.jobs.delete()
        timed["queue, DataJoint's refresh"] = seconds(table.jobs.refresh)
    if options.json:
        print(json.dumps([{"what": name, "models": options.models, **found} for name, found in timed.items()]))
        return
    shown = Table(title=f"{options.models} trained models")
    for column in ("what", "wall, s", "user, s"):
        shown.add_column(column, justify="left" if column == "what" else "right")
    for name, found in timed.items():
        shown.add_row(name, f"{found['wall_s']:.2f}", f"{found['user_s']:.2f}")
    Console().print(shown)


if __name__ == "__main__":
    main()
