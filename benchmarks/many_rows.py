"""Do the questions that people ask often stay quick when the tables are full?

Makes trained models (made up, not trained) in an embedded database of its own, and times `results`, `status` and the
report's queries on them, which shall take less than 2 s each. Then it queues as many new tasks, which shall take less
than 10 s, beside DataJoint's own `refresh`, which inserts them one by one.

    python benchmarks/many_rows.py [--models 10000] [--json]
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

from common.arguments import parser_of
from common.database import own_database
from common.shown import show
from common.timing import Clock, load
from models.simulation import simulate_recording

EXPERIMENT, RECORDING = "many", "many"
CONFIGS = ("rotation-equivariant", "cnn")
AT_ONCE = 1000  # rows


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
    with Clock() as clock:
        function()
    return clock.seconds


def questions() -> dict[str, Callable[[], Any]]:
    from pipeline import results
    from pipeline.figures import experiments, learning_curves, rows
    from pipeline.work import status

    members = experiments.query_members(EXPERIMENT, RECORDING)
    return {
        "results, as JSON": lambda: results.as_json(results.query_results()),
        "results, --where": lambda: results.query_results(where="test_corr > 0.9"),
        "status": lambda: (status.table_status(), status.worker_status(), status.failure_status()),
        "report: models": lambda: rows.query_models(RECORDING),
        "report: experiments": experiments.query_experiments,
        "report: members": lambda: experiments.query_members(EXPERIMENT, RECORDING),
        "report: points": lambda: experiments.points(experiments.query_members(EXPERIMENT, RECORDING)),
        "report: learning curves": lambda: learning_curves.query_curves(members),
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with own_database():
        from pipeline.datasets import add_recording
        from pipeline.work import queue
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
    rows = [{"what": name, "models": options.models, **found, "load": load()} for name, found in timed.items()]
    show(rows, as_json=options.json, title=f"{options.models} trained models")


if __name__ == "__main__":
    main()
