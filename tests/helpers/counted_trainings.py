"""How far the trainings are that a test has declared."""

from __future__ import annotations

from pipeline import status
from schemas.training import TrainedModel


def counts() -> dict[str, int]:
    """Of trainings, without those that other tests have done on recordings of their own."""
    found = {name: number for name, number in status.table_status()[0].items() if name != "table"}
    elsewhere = len(TrainedModel & "training_set != 'tiny'")
    return found | {name: found[name] - elsewhere for name in ("declared", "done")}
