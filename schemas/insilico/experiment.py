"""What all in-silico experiments are: a measurement of every neuron of a trained model, asked for by a protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import datajoint as dj
import numpy as np

import models
from schemas import device, memory, provenance, recordings, server
from schemas.dataset import Dataset, TrainingSet
from schemas.insilico.parameters import Protocol
from schemas.insilico.schema import schema
from schemas.rows import columns_as_rows
from schemas.training import TrainedModel, TrainingTask

if TYPE_CHECKING:
    import torch

MIN_BATCH, MAX_BATCH = 32, 1024  # images
MAX_SEEN = 2**27  # numbers: images x neurons x channels


@schema
class InSilicoTask(dj.Manual):
    definition = """
    # In-silico experiments that were asked for
    -> TrainingTask
    -> Protocol
    ---
    declared    : datetime      # UTC
    """


class InSilicoExperiment(dj.Computed):
    """A computed table over trained models and settings, with a part `Neuron`.

    Abstract: each experiment brings its definition, its part, its settings and `measure`.
    """

    parameters: ClassVar[type[dj.Manual]]
    on_progress: ClassVar[Any] = staticmethod(
        lambda table, key, done, total: None
    )  # called with the table's name, and how much is done of how much

    def measure(
        self,
        model: models.CorePlusReadoutModel,
        data: models.Data | models.SharedData,
        key: dict[str, Any],
        parameters: dict[str, Any],
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Columns of this table, and for each column of `Neuron` an array (neurons,), NaN where it is undefined.

        Abstract: each experiment has its own.
        The neurons are those of all recordings of the training set, in the order of `TrainingSet.neurons`.
        data: what the model was trained on. Neurons whose rate does not vary over it have no weights in `model`.
        """
        raise NotImplementedError

    @property
    def key_source(self) -> dj.U:
        """Trained models with the settings of each protocol that was asked for."""
        asked = InSilicoTask.proj() * Protocol
        settings = [name for name in self.primary_key if name in Protocol.heading.secondary_attributes]
        return super().key_source & asked.proj(*settings)

    def make_fetch(self, key: dict[str, Any]) -> tuple:
        return ((self.parameters & key).fetch1(),)

    def make_compute(self, key: dict[str, Any], parameters: dict[str, Any]) -> tuple:
        started, clock = datetime.now(UTC), time.monotonic()
        where = device.current()
        data = recordings.load(key).data
        row, columns = memory.enough_for(
            lambda: self._measure(data, where, key, parameters),
            where,
            f"{type(self).__name__} of {data.num_neurons} neurons",
            "fewer workers on the device, or another device, leave more",
        )
        row |= provenance.of_run(where, started, time.monotonic() - clock)
        server.make_sure_of(self.connection)
        return row, columns_as_rows(columns)

    def _measure(
        self,
        data: models.Data | models.SharedData,
        where: torch.device,
        key: dict[str, Any],
        parameters: dict[str, Any],
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        model = (TrainedModel & key).load_model().to(where)
        masks = model.readout.masks
        models.silence.silence(model, data.to(masks.device, masks.dtype).train_images)
        return self.measure(model, data, key, parameters)

    def make_insert(self, key: dict[str, Any], row: dict[str, Any], neurons: list[dict[str, Any]]) -> None:
        self.insert1(key | row, allow_direct_insert=True)
        where = (TrainingSet & key).neurons()
        self.Neuron.insert(key | neuron | values for neuron, values in zip(where, neurons, strict=True))

    @staticmethod
    def batch_size(model: models.CorePlusReadoutModel) -> int:
        """Images at once, so that what all neurons see of them fits into memory; no result depends on it."""
        return max(MIN_BATCH, min(MAX_BATCH, MAX_SEEN // model.readout.feature_weights.numel()))

    def progress(self, key: dict[str, Any]) -> Callable[[int, int], None]:
        return lambda done, total: self.on_progress(type(self).__name__, key, done, total)
