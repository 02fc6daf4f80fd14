"""Whether a trained model is what its row says: its files, its scores, its training. Nothing is written."""

from __future__ import annotations

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
from pipeline.verify.compare import Tolerance, differing_columns, differing_tensors
from pipeline.verify.tolerances import anything, nothing, scoring, training
from pipeline.verify.verification import Check, Verification
from schemas import device, recordings
from schemas.codecs import CorruptFileError
from schemas.dataset import TrainingSet
from schemas.stored_file import StoreError
from schemas.training import StoredCoreError, TrainedModel
from schemas.training.stored_core import core_weights

UNREADABLE = (CorruptFileError, MissingExternalFile, StoreError, OSError)


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
                tolerance = scoring if differing else nothing
                checks += _compared(before, found, "of the stored weights", tolerance, tolerance)
            if not imported and not gone:
                found = again.trained(where, core)
                of_model, of_rest = (training, anything) if differing else (nothing, nothing)
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
