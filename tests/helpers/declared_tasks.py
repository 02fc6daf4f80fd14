"""Training tasks that last as long as a test needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.tasks import declare_task
from schemas.training import TrainingTask


@contextmanager
def task(training_set: str, config: str = "quick", seed: int = 1) -> Iterator[dict]:
    """A declared task that goes with all that came of it."""
    key = declare_task(training_set, config, seed)
    try:
        yield key
    finally:
        (TrainingTask & key).delete(prompt=False)
