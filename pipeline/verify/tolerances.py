"""By how much numbers may differ: of a column and its stored value, what is tolerated."""

from __future__ import annotations

import math
from typing import Any

# By how much a number may differ (of its value, where that is above 1) where the same bits cannot be asked for.
# Scores of the same weights: float32 keeps 7 digits. Another library's convolutions moved no score of the demo's 96
# neurons by more than 3e-6; thirty times that is still far below any interval.
SCORING = 1e-4
# A training amplifies such differences until a validation falls the other way, and ends as another draw of the same
# optimisation. Those convolutions made 1320 steps of the demo's 1000 and moved single neurons by 0.17, but the mean
# test correlation by 0.003 and the loss by 0.07 %. What is tolerated is several times that, and about what the
# interval over images leaves open (0.017 either way there).
TRAINING = 0.02
JUDGED = ("val_loss", "val_corr", "test_corr", "ceiling")


def nothing(column: str, before: Any) -> float:
    return 0.0


def scoring(column: str, before: Any) -> float:
    return SCORING * max(1.0, abs(before or 0.0))


def training(column: str, before: Any) -> float:
    return TRAINING * max(1.0, abs(before or 0.0)) if column in JUDGED else math.inf


def anything(column: str, before: Any) -> float:
    return math.inf
