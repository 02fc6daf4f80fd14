"""What runs: connection, readers, experiments, workers, report and the command line."""

from __future__ import annotations

from typing import Any

import schemas  # noqa: F401 - first of all, since it quiets DataJoint's import


def connect() -> Any:
    """Connect to the embedded server or the configured one, and bind all tables of `schemas`."""
    from pipeline.connection import connect

    return connect()
