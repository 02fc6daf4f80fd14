"""How long trainings should take, from those that are in the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from pipeline.experiments.declare import Training
from pipeline.experiments.operations import operations
from pipeline.training_sets import of_several
from schemas.architecture import Core, ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel


@dataclass(frozen=True)
class Estimate:
    """Expected time of some trainings, one after the other, on one device.

    seconds: of those that can be told: `num_same` from trainings of the same configuration on the same training set,
    `num_scaled` from others of the same kind of core and the same trainer, by how much there is to compute.
    device_name, num_measured: on which device, and how many trainings were measured there.
    """

    seconds: float
    num_same: int
    num_scaled: int
    num_unknown: int
    device_name: str | None
    num_measured: int


def estimate(trainings: Iterable[Training], dataset: str) -> Estimate:
    """The expected time of trainings on a recording or parts of it.

    What was measured on the device with the most measurements counts, and of that the median.
    """
    device_name, measured = _measured()
    size = (Dataset & {"dataset_name": dataset}).fetch1("image_height", "image_width", "num_neurons")
    seconds, counts = 0.0, Counter[str]()
    for training in trainings:
        named = training.named
        alike = [row for row in measured if _kind(row) == (named.core["core_class"], named.trainer["trainer"])]
        wanted = (named.config, training.key["training_set"])
        same = [row for row in alike if (row["config"], row["training_set"]) == wanted]
        if same:
            seconds += median(row["duration"] for row in same)
        elif alike:
            cost = operations(named.layers, named.core["num_rotations"], *size)
            seconds += cost * median(row["duration"] / row["operations"] for row in alike)
        counts["same" if same else "scaled" if alike else "unknown"] += 1
    return Estimate(seconds, counts["same"], counts["scaled"], counts["unknown"], device_name, len(measured))


def _measured() -> tuple[str | None, list[dict[str, Any]]]:
    """The device with the most trainings, and those; imported models were not trained here."""
    # Several recordings, and a core that is not trained, take other times.
    query = TrainedModel.proj("duration", "device_name") - TrainedModel.Imported.proj() - of_several()
    trained = (Core & "weights_sha256 IS NULL").proj("core_class", "num_rotations")
    query *= ModelConfig * trained * TrainingSet.Member.proj("neuron_parts", "neuron_part")
    rows = (query * Dataset.proj("image_height", "image_width", "num_neurons")).to_dicts()
    if not rows:
        return None, []
    device_name = Counter(row["device_name"] for row in rows).most_common(1)[0][0]
    rows = [row for row in rows if row["device_name"] == device_name]
    layers = {core: (Core & {"core": core}).keywords()[1] for core in {row["core"] for row in rows}}
    for row in rows:
        neurons = len(range(row["neuron_part"] - 1, row["num_neurons"], row["neuron_parts"]))
        size = (row["image_height"], row["image_width"], neurons)
        row["operations"] = operations(layers[row["core"]], row["num_rotations"], *size)
    return device_name, rows


def _kind(row: dict[str, Any]) -> tuple[str, str]:
    return row["core_class"], row["trainer"]
