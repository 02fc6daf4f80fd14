"""The relational design: DataJoint tables, declared without a connection and bound by `activate`."""

from __future__ import annotations

import warnings

# DataJoint says so when it is imported; having nothing configured is the ordinary case here.
warnings.filterwarnings("ignore", message="No datajoint.json found")


def activate(prefix: str) -> None:
    """Bind every schema to DataJoint's connection, each under its own name behind `prefix`.

    Schemas and tables that do not exist yet are declared, unless DataJoint's configuration forbids it.
    """
    from schemas import architecture, dataset, training

    for module in (dataset, architecture, training):
        module.schema.activate(prefix + module.__name__.rpartition(".")[2])
    _ = training.TrainedModel.jobs  # declares the queue, so that workers need not
