"""The relational design: DataJoint tables, declared without a connection and bound by `activate`."""

from __future__ import annotations

import logging
import warnings

# DataJoint says these when it is imported. Having nothing configured is the ordinary case here; that a
# configuration is malformed, `pipeline.connect` says; and what DataJoint itself imports is not for us to mend.
for said in ("No datajoint.json found", "Failed to load config", "datajoint.migrate is deprecated"):
    warnings.filterwarnings("ignore", message=said)
# It goes to the standard output, where results are.
logging.getLogger("datajoint").addFilter(lambda record: not str(record.msg).startswith("Loading configuration from"))


def activate(prefix: str) -> None:
    """Bind every schema to DataJoint's connection, each under its own name behind `prefix`.

    Schemas and tables that do not exist yet are declared, unless DataJoint's configuration forbids it.
    """
    from schemas import architecture, dataset, training

    for module in (dataset, architecture, training):
        module.schema.activate(prefix + module.__name__.rpartition(".")[2])
    _ = training.TrainedModel.jobs  # declares the queue, so that workers need not
