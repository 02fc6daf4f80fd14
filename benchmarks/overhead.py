"""What does a task cost beside its training?

A worker on a server of its own does so many tasks of one step each on a tiny recording; then the trainer alone does
the same trainings, on data and networks in memory. The difference is what the tables, the queue, the scores and the
files cost a task, and hardly depends on how long it trains.

    python benchmarks/overhead.py [--tasks 100] [--server mariadb] [--profile] [--json]

Seconds are those of a task. The worker runs in this process, so `user_s` leaves out the server's. --profile does as
many tasks once more and tells where their time goes: each part without the parts within it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

import models
from common.arguments import parser_of
from common.database import SERVERS, own_database
from common.parts import Parts
from common.shown import show
from common.timing import Clock, load
from models.build import build
from models.simulation import simulate_recording

RECORDING = "tiny"


def declare(seeds: range) -> list[dict[str, Any]]:
    """A task of one step for each seed; gives their keys."""
    from pipeline.configs import CNN
    from pipeline.tasks import declare_task

    one_step = CNN.derived(
        "one-step",
        "one step of a tiny network",
        core={"core": "cnn-4-4-4"},
        layers={"filter_size": [5, 3, 3], "num_filters": [4, 4, 4]},
        trainer={"trainer": "one-step", "batch_size": 16, "val_steps": 1, "max_iter": 1},
    )
    return [declare_task(RECORDING, one_step, seed) for seed in seeds]


def work(count: int) -> None:
    from pipeline.work import worker

    done, failures = worker.work("TrainedModel")
    assert (done, failures) == (count, [])


def train_alone(keys: list[dict[str, Any]], recording: models.Recording) -> dict[str, float]:
    """The same trainings, without what comes before and after."""
    from schemas.training import TrainingTask

    tasks = [(TrainingTask & key).keywords() for key in keys]
    data = models.Data.from_recording(recording)
    shapes = {"image_size": recording.image_size, "num_neurons": recording.num_neurons}
    networks = [build(task | shapes) for task in tasks]
    with Clock() as clock:
        for network, task in zip(networks, tasks, strict=True):
            models.Trainer(network, data, seed=task["seed"]).fit(**task["fit"])
    return clock.seconds


@contextmanager
def parts() -> Iterator[Parts]:
    """While it is open, what a worker does counts for its part."""
    from datajoint.jobs import Job

    from models import evaluation
    from pipeline.work import lease, queue
    from schemas import provenance
    from schemas.codecs import SafetensorsCodec
    from schemas.dataset import Source
    from schemas.training import SavedState, TrainedModel, TrainingTask
    from schemas.training.saved_state import DatabaseKeeper

    found = Parts()
    functions = [
        (queue, "refresh", "queue"),
        (queue, "most_urgent", "queue"),
        (queue, "recover", "queue"),
        (Job, "reserve", "queue"),
        (Job, "complete", "queue"),
        (lease, "dead", "leases"),
        (TrainingTask, "keywords", "key and settings"),
        (Source, "load", "recording, loaded"),
        (models.Recording, "content_sha256", "recording, its checksum"),
        (models.Data, "from_recording", "recording, normalised"),
        (models.build, "build", "network, built"),
        (models.Trainer, "__init__", "training"),
        (models.Trainer, "fit", "training"),
        (DatabaseKeeper, "load", "saved states"),
        (DatabaseKeeper, "save", "saved states"),
        (SavedState, "discard", "saved states"),
        (provenance, "of_run", "provenance"),
        (evaluation, "score", "scores"),
        (SafetensorsCodec, "encode", "files of weights"),
        (TrainedModel, "make_insert", "rows, inserted"),
    ]
    with found.of(functions, rest="DataJoint's populate and the worker"):
        yield found


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--server", choices=SERVERS, default="embedded")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    count = options.tasks
    torch.set_num_threads(1)  # such small ones are slower on more
    recording = simulate_recording(num_neurons=6, num_images=60, image_size=16)
    with own_database(options.server):
        from pipeline.datasets import add_recording
        from schemas import device

        device.use("cpu")
        add_recording(RECORDING, recording)
        declare(range(1))
        work(1)  # so that all is imported and declared
        keys = declare(range(1, 1 + count))
        with Clock() as clock:
            work(count)
        worker, alone = clock.seconds, train_alone(keys, recording)
        timed = {"worker": worker, "trainer alone": alone}
        timed["beside training"] = {name: worker[name] - alone[name] for name in worker}
        inside = Parts()
        if options.profile:
            declare(range(1 + count, 1 + 2 * count))
            with parts() as inside:
                work(count)
    rows = [
        {"what": name, "wall_s": found["wall_s"] / count, "user_s": found["user_s"] / count, "calls": None}
        for name, found in timed.items()
    ]
    rows += [
        {"what": f"of it: {part}", "wall_s": spent / count, "user_s": None, "calls": inside.calls[part] / count}
        for part, spent in sorted(inside.seconds.items(), key=lambda item: -item[1])
    ]
    rows = [row | {"tasks": count, "server": options.server, "load": load()} for row in rows]
    title = f"seconds a task, of {count} on {options.server}; load {load()}"
    show(rows, as_json=options.json, title=title, hidden=("tasks", "server", "load"))


if __name__ == "__main__":
    main()
