"""The numbers of a trained model: as they are stored, from its stored weights again, and from its training again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from models import Data, SharedData, evaluation
from models.model import ModelOfParts
from models.precision import precision_named
from models.training import Trainer
from schemas.dataset import TrainingSet
from schemas.rows import columns_as_rows, finite
from schemas.training import TrainedModel, TrainingTask
from schemas.training.networks import network


@dataclass(frozen=True)
class Numbers:
    """Columns of a row of `TrainedModel`, rows of its parts, and weights; what is unknown is left out."""

    scores: dict[str, Any]
    neurons: list[dict[str, Any]]
    curve: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)


def stored(key: dict[str, Any]) -> Numbers:
    """What the database holds, but for the weights."""
    return Numbers(
        (TrainedModel & key).proj(..., "-weights").fetch1(),
        _labelled((TrainedModel.Neuron & key).to_dicts(order_by="neuron_id")),
        (TrainedModel.Curve & key).to_dicts(order_by="iteration"),
    )


class Again:
    """Computes the numbers of a key. All is read at the start, so that a connection lost meanwhile does no harm."""

    def __init__(self, key: dict[str, Any], data: Data | SharedData) -> None:
        self.key, self.data = key, data
        self.task = (TrainingTask & key).keywords()
        self.shapes = (TrainingSet & key).shapes()
        self.neuron_ids = [neuron["neuron_id"] for neuron in _labelled((TrainingSet & key).neurons())]
        self.dtype = precision_named(self.task["precision"]).dtype

    def scored(self, weights: dict[str, Tensor], device: torch.device) -> Numbers:
        """What the scores of these weights are."""
        model = network(self.task, self.shapes).to(device, self.dtype)
        model.load_state_dict(weights)
        return self._scores(model, self.data.to(device, self.dtype))

    def trained(self, device: torch.device, core: dict[str, Tensor] | None) -> Numbers:
        """What comes of the training; each validation is told as `populate()` tells it. core: a stored one's weights"""
        model, seed = network(self.task, self.shapes, core), self.task["seed"]
        trainer = Trainer(model, self.data, seed=seed, device=device, precision=self.task["precision"])
        result = trainer.fit(**self.task["fit"], progress=lambda point: TrainedModel.on_validation(self.key, point))
        found = self._scores(trainer.model, trainer.data)
        columns = ("iteration", "learning_rate", "train_loss", "val_loss", "val_corr", "is_best")
        return Numbers(
            found.scores | {"num_iterations": result.num_iterations},
            found.neurons,
            [{name: finite(getattr(point, name)) for name in columns} for point in result.curve],
            {name: tensor.detach().cpu() for name, tensor in trainer.model.state_dict().items()},
        )

    def _scores(self, model: ModelOfParts, data: Data | SharedData) -> Numbers:
        row, columns = evaluation.score(model, data)
        neurons = zip(self.neuron_ids, columns_as_rows(columns), strict=True)
        return Numbers(
            {name: finite(value) for name, value in row.items()},
            [{"neuron_id": neuron_id} | values for neuron_id, values in neurons],
        )


def _labelled(neurons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of neurons; where they are of several recordings, `neuron_id` names the recording, too."""
    if len({neuron["dataset_name"] for neuron in neurons}) < 2:
        return neurons
    return [neuron | {"neuron_id": f"{neuron['dataset_name']} {neuron['neuron_id']}"} for neuron in neurons]
