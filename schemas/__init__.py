"""The relational design: DataJoint tables, declared without a connection and bound by `activate`."""

from __future__ import annotations

import logging
import warnings
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datajoint as dj

VERSION = 4  # of the tables; one more with each change, for which pipeline/upkeep/migrate.py has a step

# DataJoint says these when it is imported. Having nothing configured is the ordinary case here; that a
# configuration is malformed, `pipeline.connect` says; and what DataJoint itself imports is not for us to mend.
for said in ("No datajoint.json found", "Failed to load config", "datajoint.migrate is deprecated"):
    warnings.filterwarnings("ignore", message=said)
# It goes to the standard output, where results are.
logging.getLogger("datajoint").addFilter(lambda record: not str(record.msg).startswith("Loading configuration from"))


class MissingTableError(Exception):
    """A table is not in the database."""


def activate(prefix: str, *, declare: bool = True) -> None:
    """Bind every schema to DataJoint's connection, each under its own name behind `prefix`.

    Schemas and tables that do not exist yet are declared, unless DataJoint's configuration forbids it. Without
    `declare` nothing is, and MissingTableError says what is not there.
    """
    from datajoint.errors import DataJointError

    allowed = {} if declare else {"create_schema": False, "create_tables": False}
    for module in modules():
        name, bound = prefix + module.__name__.rpartition(".")[2], module.schema.database
        try:
            try:
                module.schema.activate(name, **allowed)
            except DataJointError as error:
                if declare or module.schema.exists:
                    raise
                raise MissingTableError(f"the database has no schema {name}") from error
        except BaseException:
            module.schema.database = bound  # or the next try would take all its tables for bound
            raise
    for computed in computed_tables():
        if not declare and not (computed().is_declared and computed().jobs.is_declared):
            raise MissingTableError(f"the database has no table {computed.__name__}, or no queue of its jobs")
        _ = computed.jobs  # declares the queue, so that workers need not


def modules() -> list[ModuleType]:
    """The modules of all schemas, each behind those that it refers to."""
    from schemas import architecture, clustering, dataset, experiment, insilico, training, work

    return [dataset, architecture, training, work, experiment, insilico, clustering]


def computed_tables() -> list[type[dj.Computed]]:
    """All tables that `populate()` fills, each behind those that it depends on."""
    from schemas.clustering import Clustering
    from schemas.insilico import (
        MEI,
        FeatureWeights,
        GradientRF,
        OptimalGabor,
        OrthogonalPlaids,
        SizeContrastTuning,
    )
    from schemas.training import TrainedModel

    characterised = [FeatureWeights, GradientRF, MEI, OptimalGabor, SizeContrastTuning, OrthogonalPlaids]
    return [TrainedModel, *characterised, Clustering]
