"""What settings may be, for those who check them and train nothing: this needs no PyTorch."""

from __future__ import annotations

import math
from numbers import Integral

# Settings may come from anywhere, so nothing else of `models.cores` and `models.readouts` is built from a name.
CORES = ("StackedRotEquiHermiteConv2dCore", "StackedConv2dCore")
READOUTS = (
    "SpatialXFeatureJointL1Readout",
    "SpatialXFeatureSeparateL1Readout",
    "SpatialSparseXFeatureDenseReadout",
    "SpatialSparseXFeatureDenseSeparateReadout",
    "SpatialXFeatureJointL1TransferReadout",
)

MAX_SEED = 2**32 - 1
LEAST = {"val_steps": 1, "batch_size": 1, "patience": 1, "lr_decay_steps": 1, "max_iter": 0, "max_shift": 0}


def check_fit(
    *, learning_rate: float, map_dropout: float, weight_decay: float, max_iter: int | None, **counts: int
) -> None:
    """Raises ValueError for the first number that `Trainer.fit` cannot train with; counts: the others of `LEAST`."""
    given = counts if max_iter is None else counts | {"max_iter": max_iter}
    for name, value in given.items():
        if not (isinstance(value, Integral) and value >= LEAST[name]):
            raise ValueError(f"{name} is {value}; allowed are whole numbers from {LEAST[name]} on")
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate is {learning_rate}; allowed is more than 0, and finite")
    if not 0 <= map_dropout < 1:
        raise ValueError(f"map_dropout is {map_dropout}; allowed is 0 to below 1")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay is {weight_decay}; allowed is 0 or more, and finite")
