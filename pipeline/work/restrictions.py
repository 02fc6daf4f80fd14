"""What a recording or an experiment leaves of the declared tasks."""

from __future__ import annotations

from typing import Any

import datajoint as dj

from pipeline.errors import UserError
from pipeline.names import check_known
from schemas.dataset import Dataset, TrainingSet
from schemas.experiment import Experiment
from schemas.training import TrainingTask


def restrictions(dataset: str | None = None, experiment: str | None = None) -> list[Any]:
    """For `populate` and the queue. Raises UserError where there is no recording or experiment of that name."""
    found: list[dj.expression.QueryExpression] = []
    if dataset is not None:
        check_known(Dataset, dataset)
        found.append(TrainingSet & (TrainingSet.Member & {"dataset_name": dataset}))
    if experiment is not None:
        if not Experiment & {"experiment_name": experiment}:
            raise UserError(f"there is no experiment {experiment!r}; `hypercolumn declare` declares one")
        found.append(TrainingTask & (Experiment.Member & {"experiment_name": experiment}))
    return found
