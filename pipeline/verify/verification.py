"""Whether a trained model is what its row says: its files, its scores, its training. Nothing is written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import psutil
import torch
from datajoint.errors import MissingExternalFile
from torch import Tensor

from models.data import Data
from models.recording import Recording
from models.shared_data import SharedData
from pipeline.verify import circumstances
from pipeline.verify.again import Again, Numbers, stored
from pipeline.verify.compare import Difference, Tolerance, differing_columns, differing_tensors
from schemas import device, recordings
from schemas.codecs import CorruptFileError
from schemas.dataset import TrainingSet
from schemas.stored_file import StoreError
from schemas.training import StoredCoreError, TrainedModel
from schemas.training.stored_core import core_weights

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
UNREADABLE = (CorruptFileError, MissingExternalFile, StoreError, OSError)


@dataclass(frozen=True)
class Check:
    """What was compared, and what of it is not the same to the bit."""

    name: str
    said: str
    differences: list[Difference] = field(default_factory=list)
    failed: bool = False

    @property
    def exact(self) -> bool:
        return not self.failed and not self.differences

    @property
    def holds(self) -> bool:
        return not self.failed and all(difference.tolerated for difference in self.differences)


@dataclass(frozen=True)
class Verification:
    """What came of it. circumstances: a line for each thing that decides on last bits and is not as it was."""

    imported_as: str | None  # log hash of a model that other code trained
    circumstances: list[str]
    checks: list[Check]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def lines(self) -> list[str]:
        """What is to be said of it, the verdict last."""
        lines = []
        if self.imported_as:
            lines.append(f"trained by other code (log hash {self.imported_as}), not here: only scored again")
        lines += [f"not as it was: {line}" for line in self.circumstances]
        for check in self.checks:
            outcome = "the same" if check.exact else "tolerated" if check.holds else "DIFFERS"
            lines.append(f"{check.name}: {outcome}, {check.said}")
            lines += [f"    {difference.name}: {difference.said}" for difference in check.differences]
        return [*lines, self._verdict()]

    def _verdict(self) -> str:
        if not self.holds:
            return "not the same: " + "; ".join(check.name for check in self.checks if not check.holds)
        if all(check.exact for check in self.checks):
            return "the same to the bit"
        return (
            f"the same as far as can be asked where something is not as it was: within {SCORING:g} for scores of the "
            f"stored weights, within {TRAINING:g} for {', '.join(JUDGED)} after a training"
        )


def verify(key: dict[str, Any], on_device: str | None = None) -> Verification:
    """Check the files of the model of a key, score its weights again, and train it again unless it was imported.

    on_device: by default of the kind that the row names.
    """
    before = stored(key)
    imported = (TrainedModel.Imported & key).to_arrays("log_hash").tolist()
    device.current()  # which settles how exactly a GPU computes
    where = torch.device(on_device or _device_like(before.scores["device"]))
    data, checks = _recordings(key, before.scores["recording_sha256"])
    weights, file = _weights(key)
    checks.append(file)
    core, gone = _stored_core(key)
    checks += gone
    with circumstances.threads_of(before.scores, available=psutil.cpu_count() or 1):
        differing = circumstances.differences(before.scores, where)
        if data is not None:
            again = Again(key, data)
            if weights is not None:
                found = again.scored(weights, where)
                tolerance = _scoring if differing else _nothing
                checks += _compared(before, found, "of the stored weights", tolerance, tolerance)
            if not imported and not gone:
                found = again.trained(where, core)
                of_model, of_rest = (_training, _anything) if differing else (_nothing, _nothing)
                checks += _compared(before, found, "trained again", of_model, of_rest)
                checks += _weights_and_curve(before, weights, found, of_rest)
    return Verification(imported[0] if imported else None, differing, checks)


def _device_like(before: str) -> str:
    return "cuda" if before.startswith("cuda") and torch.cuda.is_available() else "cpu"


def _recordings(key: dict[str, Any], sha256: str) -> tuple[Data | SharedData | None, list[Check]]:
    """The data of the training set, unless a file is damaged; whether files and arrays are what they were."""
    found: dict[str, Recording] = {}
    checks: list[Check] = []
    for name, source in (TrainingSet & key).sources().items():
        try:
            found[name] = source.load()
        except UNREADABLE as error:
            return None, [*checks, Check("recording", f"{name}: {error}", failed=True)]
        said = f"{name}: content of the SHA-256 in the database, {source.content_sha256}"
        checks.append(Check("recording", said))
    loaded = recordings.of(found)
    now = loaded.content_sha256
    said = f"SHA-256 {sha256} when it was trained" + (f", {now} now" if now != sha256 else "")
    return loaded.data, [*checks, Check("training set", said, failed=now != sha256)]


def _stored_core(key: dict[str, Any]) -> tuple[dict[str, Tensor] | None, list[Check]]:
    """The weights of a core that is not trained, and a check that failed where they are gone."""
    try:
        return core_weights(key), []
    except (StoredCoreError, *UNREADABLE) as error:
        return None, [Check("stored core", str(error), failed=True)]


def _weights(key: dict[str, Any]) -> tuple[dict[str, Tensor] | None, Check]:
    weights = (TrainedModel & key).fetch1("weights")
    try:
        return weights.load(), Check("weights file", f"{weights.path}, SHA-256 {weights.sha256}")
    except UNREADABLE as error:
        return None, Check("weights file", str(error), failed=True)


def _compared(before: Numbers, found: Numbers, how: str, of_model: Tolerance, of_neurons: Tolerance) -> list[Check]:
    scores = differing_columns([before.scores], [found.scores], None, of_model)
    neurons = differing_columns(before.neurons, found.neurons, "neuron_id", of_neurons)
    return [
        Check(f"scores {how}", f"{len(found.scores)} columns", scores),
        Check(f"scores of neurons {how}", f"{len(before.neurons)} neurons", neurons),
    ]


def _weights_and_curve(
    before: Numbers, weights: dict[str, Tensor] | None, found: Numbers, tolerance: Tolerance
) -> list[Check]:
    curve = differing_columns(before.curve, found.curve, "iteration", tolerance)
    checks = [Check("learning curve trained again", f"{len(before.curve)} validations", curve)]
    if weights is not None:
        differing = differing_tensors(weights, found.weights, tolerance)
        checks.append(Check("weights trained again", f"{len(weights)} tensors", differing))
    return checks


def _nothing(column: str, before: Any) -> float:
    return 0.0


def _scoring(column: str, before: Any) -> float:
    return SCORING * max(1.0, abs(before or 0.0))


def _training(column: str, before: Any) -> float:
    return TRAINING * max(1.0, abs(before or 0.0)) if column in JUDGED else math.inf


def _anything(column: str, before: Any) -> float:
    return math.inf
