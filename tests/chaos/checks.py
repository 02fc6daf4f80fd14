"""What is declared, what an undisturbed run gives, and whether that is what came out of a disturbed one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from worker import SHORT

import pipeline  # first of all: it quiets DataJoint's import
from models.simulation import simulate_recording
from pipeline.datasets import add_recording
from pipeline.tasks import declare_task
from pipeline.upkeep import clean
from schemas import server
from schemas.codecs import CorruptFileError
from schemas.training import SavedState, TrainedModel, TrainingTask
from schemas.work import Lease

RECORDING = "chaos"


def declare(num_tasks: int) -> None:
    """A recording and as many tasks on it, which differ in their seed."""
    pipeline.connect()
    add_recording(RECORDING, simulate_recording(num_neurons=6, num_images=60, image_size=16))
    for seed in range(num_tasks):
        declare_task(RECORDING, SHORT, seed)


def undisturbed(num_tasks: int) -> dict[int, Any]:
    """What one process gives that nothing happens to, by seed; its rows are deleted again."""
    TrainedModel.populate()
    found = _results()
    assert len(found) == num_tasks
    TrainedModel.delete(prompt=False)
    _clean()
    return found


def all_done(num_tasks: int) -> bool:
    """Whether each task has its row; False as well while the server is away."""
    try:
        return server.reach(TrainedModel.connection) and len(TrainedModel()) == num_tasks
    except Exception as error:
        if not server.passes(error):
            raise
        return False


def failures() -> list[str]:
    """Jobs that failed, which no worker tries again; none while the server is away."""
    try:
        failed = TrainedModel.jobs.errors.to_dicts() if server.reach(TrainedModel.connection) else []
    except Exception as error:
        if not server.passes(error):
            raise
        return []
    return [f"seed {row['seed']} failed: {row['error_message']}" for row in failed]


def troubles(num_tasks: int, expected: dict[int, Any]) -> list[str]:
    """What is not as it should be, a line each."""
    server.make_sure_of(TrainedModel.connection)
    found, lines = _results(), []
    if sorted(found) != sorted(expected):
        lines.append(f"{len(found)} rows for {num_tasks} trainings")
    different = [seed for seed in found if found[seed] != expected.get(seed)]
    if different:
        lines.append(f"other numbers than undisturbed: seeds {different}")
    for name, part in (("neurons", TrainedModel.Neuron), ("validations", TrainedModel.Curve)):
        counts = {seed: len(part & {"seed": seed}) for seed in found}
        wanted = 6 if part is TrainedModel.Neuron else SHORT.trainer["max_iter"] // SHORT.trainer["val_steps"]
        lines += [f"seed {seed} has {count} {name}" for seed, count in counts.items() if count != wanted]
    left = {
        "jobs": len(TrainedModel.jobs), "saved states": len(SavedState()), "leases": len(Lease()),
        "tasks without a row": len(TrainingTask - TrainedModel.proj()),
    }  # fmt: skip
    lines += [f"{count} {name} left" for name, count in left.items() if count]
    return lines + _orphans()


def _results() -> dict[int, Any]:
    """Of each trained model its scores and the digest of its weights, whose file is read and checked."""
    found = {}
    for row in TrainedModel.to_dicts():
        try:
            row["weights"].load()
            digest = row["weights"].sha256
        except CorruptFileError as error:
            digest = str(error)
        found[row["seed"]] = {name: row[name] for name in ("num_iterations", "val_loss", "test_corr", "ceiling")}
        found[row["seed"]]["weights"] = digest
    return found


def _orphans() -> list[str]:
    """Files of killed processes may be left, until `clean` takes them."""
    print(f"files without a row, of killed processes: {len(_clean())}; removed")
    left = clean.clean(dry_run=True)
    return [f"{len(left)} files without a row left"] if left else []


def _clean() -> list[clean.Orphan]:
    clean.YOUNGEST = timedelta()
    return clean.clean(dry_run=False)
