"""Bringing a database to what this version of the tables needs, in one step and by one process.

Each step can be repeated, for on MySQL a change of a table cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Callable

import schemas
from pipeline.database import schema_version
from pipeline.database.connection import opened
from pipeline.errors import UserError
from pipeline.upkeep.alter import add_columns, widen
from pipeline.work import lease


def migrate() -> list[str]:
    """Declare what is missing and change what is older; gives what was done, a line each.

    Raises UserError while a worker is alive, and where the tables are newer than this program.
    """
    with opened() as (connection, prefix):
        before = schema_version.found(connection, prefix)
        if before is not None and before > schemas.VERSION:
            schema_version.check(before)
        schemas.activate(prefix)
        alive = lease.alive()
        if alive:
            raise UserError(f"{len(alive)} workers are alive; stop them first, `hypercolumn status` shows them")
        lines = []
        for number, step in STEPS.items():
            if before is not None and before < number:
                lines.append(f"version {number}: {step()}")
        schema_version.note()
    counts = [f"{module.schema.database}: {len(module.schema.list_tables())} tables" for module in schemas.modules()]
    return [*lines, *counts, f"the tables are of version {schemas.VERSION}"]


def _to_2() -> str:
    """What can change bits is kept with every computed row, and the digest of its recording with a trained model."""
    from schemas.dataset import Dataset, TrainingSet
    from schemas.training import TrainedModel

    for computed in schemas.computed_tables():
        computed().alter(prompt=False)
    without = (TrainedModel & "recording_sha256 IS NULL").keys()
    digests = dict(zip(*Dataset.to_arrays("dataset_name", "content_sha256"), strict=True))
    for name in {key["training_set"] for key in without} - digests.keys():
        digests[name] = (TrainingSet & {"training_set": name}).load().content_sha256()
    for key in without:
        TrainedModel.update1(key | {"recording_sha256": digests[key["training_set"]]})
    return f"columns of {len(schemas.computed_tables())} tables; the digest of the recording of {len(without)} models"


def _to_3() -> str:
    """A training may compute in tf32 and bfloat16."""
    from schemas.training import TrainerConfig

    widen(TrainerConfig(), "precision")
    return "precisions of TrainerConfig"


def _to_4() -> str:
    """How a recording was read is kept with it; a training set may be some of its neurons; a core may be stored."""
    from schemas.architecture import Core
    from schemas.dataset import Dataset, TrainingSet

    add_columns(Dataset(), "reader", "reader_options")
    add_columns(TrainingSet.Member(), "neuron_parts", "neuron_part")
    add_columns(Core(), "weights_sha256")
    return "reader and options of each recording, parts of the neurons, stored cores"


STEPS: dict[int, Callable[[], str]] = {2: _to_2, 3: _to_3, 4: _to_4}
