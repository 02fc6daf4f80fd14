"""What runs: connection, readers, experiments, workers, report and the command line."""

from __future__ import annotations

from typing import Any

import schemas  # noqa: F401 - first of all, since it quiets DataJoint's import


def connect(*, declare: bool = True) -> Any:
    """Connect to the embedded server or the configured one, and bind all tables of `schemas`.

    declare: whether tables that do not exist yet are declared; workers do not.
    """
    from pipeline.connection import connect

    return connect(declare=declare)
