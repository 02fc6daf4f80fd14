"""What declared experiments put into the tables."""

from __future__ import annotations

from schemas.architecture import ModelConfig
from schemas.dataset import TrainingSet
from schemas.experiment import Experiment
from schemas.insilico import InSilicoTask
from schemas.training import TrainingTask


def members(experiment: str, dataset: str) -> list[dict]:
    query = Experiment.Member * ModelConfig * TrainingSet.Member & {"dataset_name": dataset}
    return (query & {"experiment_name": experiment}).to_dicts(order_by=["position", "seed"])


def tasks_of_experiments() -> list[dict]:
    return [{name: row[name] for name in TrainingTask.primary_key} for row in Experiment.Member.proj().to_dicts()]


def forget(dataset: str) -> None:
    """All experiments, and what is declared for the recording; table by table, which is quicker than a cascade."""
    sets = (TrainingSet.Member & {"dataset_name": dataset}).proj().to_dicts()
    names = [{"training_set": row["training_set"]} for row in sets]
    for table in (Experiment.Member, Experiment.Published, Experiment):
        table().delete_quick()
    for table in (InSilicoTask, TrainingTask):
        (table & names).delete_quick()
    parts = [name for name in names if name["training_set"] != dataset]
    for table in (TrainingSet.Member, TrainingSet):
        (table & parts).delete_quick()
