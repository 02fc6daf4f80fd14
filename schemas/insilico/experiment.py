"""What all in-silico experiments are: a measurement of every neuron of a trained model, asked for by a protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import datajoint as dj
import numpy as np

import models
from schemas import device, provenance
from schemas.dataset import Dataset, TrainingSet
from schemas.insilico.parameters import Protocol
from schemas.insilico.schema import schema
from schemas.rows import columns_as_rows
from schemas.training import TrainedModel, TrainingTask


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
    """A computed table over trained models and settings, with a part `Neuron`; a subclass says what is measured."""

    parameters: ClassVar[type[dj.Manual]]
    on_progress: ClassVar[Any] = staticmethod(
        lambda table, key, done, total: None
    )  # called with the table's name, and how much is done of how much

    def measure(
        self, model: models.CorePlusReadoutModel, key: dict[str, Any], parameters: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Columns of this table, and for each column of `Neuron` an array (neurons,), NaN where it is undefined."""
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
        model = (TrainedModel & key).load_model().to(where)
        row, columns = self.measure(model, key, parameters)
        row |= provenance.of_run(where, started, time.monotonic() - clock)
        return row, columns_as_rows(columns)

    def make_insert(self, key: dict[str, Any], row: dict[str, Any], neurons: list[dict[str, Any]]) -> None:
        self.insert1(key | row, allow_direct_insert=True)
        dataset = (TrainingSet.Member & key).fetch1("dataset_name")
        ids = (Dataset.Neuron & {"dataset_name": dataset}).to_arrays("neuron_id", order_by="neuron_index")
        where = [{"dataset_name": dataset, "neuron_id": int(neuron_id)} for neuron_id in ids]
        self.Neuron.insert(key | neuron | values for neuron, values in zip(where, neurons, strict=True))

    @staticmethod
    def image_size(key: dict[str, Any]) -> tuple[int, int]:
        """(height, width) in pixels, of the recording that the model of this key was trained on."""
        return (Dataset & (TrainingSet.Member & key)).fetch1("image_height", "image_width")

    def progress(self, key: dict[str, Any]) -> Callable[[int, int], None]:
        return lambda done, total: self.on_progress(type(self).__name__, key, done, total)
