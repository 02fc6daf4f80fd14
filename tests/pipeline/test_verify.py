"""A true model verifies to the bit; what was changed behind its back is found and named. Nothing is ever written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
import pytest
import torch

from pipeline import results
from pipeline.parts import Part
from pipeline.tasks import declare_task
from pipeline.training_sets import insert_part
from pipeline.verify import verify
from pipeline.verify.tolerances import SCORING, TRAINING
from pipeline.verify.verification import Verification
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel, TrainerConfig

EXACT = {"scores of the stored weights", "scores of neurons of the stored weights"}
AGAIN = {
    "scores trained again",
    "scores of neurons trained again",
    "learning curve trained again",
    "weights trained again",
}


@pytest.fixture
def row(trained) -> dict[str, Any]:
    return (TrainedModel & trained).proj(..., "-weights").fetch1()


@pytest.fixture
def update(connection, trained) -> Callable[..., None]:
    """Change a column of the model, or of a part of it, in the database; it is as before when the test ends."""
    undo = []

    def run(table: type, where: dict[str, Any], **columns: Any) -> None:
        key = (table & trained & where).fetch1("KEY")
        undo.append((table, key | (table & key).proj(*columns).fetch1()))
        table.update1(key | columns)

    yield run
    for table, before in reversed(undo):
        table.update1(before)


@pytest.fixture
def changed(store):
    """Write a file of the store anew; its content is as before when the test ends."""
    undo = []

    def run(path: str, content: bytes) -> None:
        undo.append((store / path, (store / path).read_bytes()))
        (store / path).write_bytes(content)

    yield run
    for path, before in undo:
        path.write_bytes(before)


def failing(done: Verification) -> set[str]:
    return {check.name for check in done.checks if not check.holds}


def said(done: Verification, check: str) -> dict[str, str]:
    (one,) = [each for each in done.checks if each.name == check]
    return {difference.name: difference.said for difference in one.differences}


@pytest.mark.parametrize("config", ["quick", "quick-equivariant"])
def test_a_true_model(command, snapshot, tiny, quick, trained, config):
    key = declare_task(tiny, config, 0)
    TrainedModel.populate(key)
    before, rows = snapshot(), TrainedModel.proj(..., "-weights").to_dicts()
    (one,) = results.query_results(where=[key])
    code, out, err = command("verify", one["id"])
    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if " | step " not in line]  # which show progress
    assert lines[-1] == "the same to the bit"
    assert {line.partition(":")[0] for line in lines[:-1]} == {
        "recording",
        "training set",
        "weights file",
    } | EXACT | AGAIN
    assert all(": the same, " in line for line in lines[:-1])
    assert (snapshot(), TrainedModel.proj(..., "-weights").to_dicts()) == (before, rows)


def test_a_changed_weights_file(command, changed, trained, row):
    weights = (TrainedModel & trained).fetch1("weights")
    content = bytearray(weights._backend.get_buffer(weights.path))
    content[-1] ^= 1
    changed(weights.path, bytes(content))
    code, out, err = command("verify", results.short_id(row))
    assert (code, err) == (1, "")
    assert f"weights file: DIFFERS, {weights.path}: SHA-256 differs from the one in the database" in out
    assert "scores trained again: the same, " in out
    assert out.splitlines()[-1] == "not the same: weights file"


@pytest.mark.parametrize("by", [1e-9, 0.1])
def test_a_changed_score(command, update, trained, row, by):
    update(TrainedModel, {}, test_corr=row["test_corr"] + by)
    code, out, err = command("verify", results.short_id(row))
    assert (code, err) == (1, "")
    assert f"    test_corr: {row['test_corr'] + by!r} in the database, {row['test_corr']!r} now, {by:.2g} apart" in out
    assert out.splitlines()[-1] == "not the same: scores of the stored weights; scores trained again"


def test_changed_parts(update, trained):
    neuron = (TrainedModel.Neuron & trained & {"neuron_id": 3}).fetch1()
    point = (TrainedModel.Curve & trained & {"iteration": 4}).fetch1()
    update(TrainedModel.Neuron, {"neuron_id": 3}, feve=None, val_corr_lower=neuron["val_corr_lower"] - 0.5)
    update(TrainedModel.Curve, {"iteration": 4}, is_best=not point["is_best"])
    done = verify(trained)
    assert failing(done) == {f"scores of neurons {how}" for how in ("of the stored weights", "trained again")} | {
        "learning curve trained again"
    }
    found = said(done, "scores of neurons trained again")
    assert set(found) == {"feve", "val_corr_lower"}
    assert found["feve"] == f"1 of 6 rows, most at neuron_id 3: null in the database, {neuron['feve']!r} now"
    assert found["val_corr_lower"].endswith(", 0.5 apart")
    assert set(said(done, "learning curve trained again")) == {"is_best"}


def test_a_changed_recording_file(command, changed, recording, trained, row, tmp_path):
    path = (Dataset & {"dataset_name": "tiny"}).fetch1("recording").path
    replace(recording, train_responses=recording.train_responses + 1).write(tmp_path / "other.h5")
    changed(path, (tmp_path / "other.h5").read_bytes())
    code, out, err = command("verify", results.short_id(row))
    assert (code, err) == (1, "")
    assert f"recording: DIFFERS, tiny: {path}: the arrays of tiny are not those that were ingested" in out
    assert out.splitlines()[-1] == "not the same: recording"
    assert "trained again" not in out


def test_a_recording_that_was_replaced_with_its_digest(changed, recording, trained, update, tmp_path):
    """Whoever changes the file and the row of the recording does not change what the model keeps of it."""
    other = replace(recording, train_responses=recording.train_responses[::-1].copy())
    other.write(tmp_path / "other.h5")
    stored = (Dataset & {"dataset_name": "tiny"}).fetch1("recording", "content_sha256")
    changed(stored[0].path, (tmp_path / "other.h5").read_bytes())
    Dataset.update1({"dataset_name": "tiny", "content_sha256": other.content_sha256()})
    try:
        done = verify(trained)
    finally:
        Dataset.update1({"dataset_name": "tiny", "content_sha256": stored[1]})
    assert {"training set", "scores trained again", "weights trained again"} <= failing(done)
    assert "recording" not in failing(done)


def test_changed_settings(update, trained):
    update(TrainerConfig, {}, learning_rate=0.02)
    assert failing(verify(trained)) == AGAIN


def test_elsewhere_a_tolerance_is_stated_and_kept(command, update, trained, row):
    versions = row["versions"] | {"torch": "1.0"}
    update(TrainedModel, {}, num_threads=100_000, versions=versions, test_corr=row["test_corr"] + SCORING / 2)
    update(TrainedModel.Curve, {"iteration": 4}, val_corr=0.0)
    code, out, err = command("verify", results.short_id(row))
    assert (code, err) == (0, "")
    assert f"not as it was: torch: 1.0 then, {torch.__version__} now" in out
    assert f"not as it was: num threads: 100000 then, {torch.get_num_threads()} now" in out
    assert "scores of the stored weights: tolerated, " in out
    verdict = out.splitlines()[-1]
    assert verdict.startswith("the same as far as can be asked where something is not as it was")
    assert f"within {SCORING:g} " in verdict
    assert f"within {TRAINING:g} " in verdict

    update(TrainedModel, {}, test_corr=row["test_corr"] + 2 * SCORING)
    assert failing(verify(trained)) == {"scores of the stored weights"}
    update(TrainedModel, {}, test_corr=row["test_corr"] + 2 * TRAINING)
    assert failing(verify(trained)) == {"scores of the stored weights", "scores trained again"}


@pytest.mark.skipif((psutil.cpu_count() or 1) < 2, reason="this machine has one processor")
def test_as_many_threads_compute_as_then(trained, update):
    before = torch.get_num_threads()
    update(TrainedModel, {}, num_threads=1 if before > 1 else 2)
    assert verify(trained).circumstances == []
    assert torch.get_num_threads() == before


def test_an_imported_model_is_scored_again(command, characterised):
    (one,) = results.query_results(where=[characterised])
    code, out, err = command("verify", one["id"])
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"trained by other code (log hash {'0' * 32}), not here: only scored again"
    assert "scores of neurons of the stored weights: the same, 6 neurons" in lines
    assert "trained again" not in out
    assert lines[-1] == "the same to the bit"


def test_a_part_of_a_recording(tiny, quick):
    half = insert_part(tiny, Part(trials_per_mille=500))
    try:
        key = declare_task(half, "quick", 0)
        TrainedModel.populate(key)
        kept = (TrainedModel & key).fetch1("recording_sha256")
        assert kept != (Dataset & {"dataset_name": tiny}).fetch1("content_sha256")
        assert verify(key).lines()[-1] == "the same to the bit"
        TrainingSet.Member.update1({"training_set": half, "dataset_name": tiny, "subset_seed": 1})
        assert "training set" in failing(verify(key))
    finally:
        (TrainingSet & {"training_set": half}).delete(prompt=False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["00000000"], "'00000000' leaves 0 trained models; name one by its id"),
        (["colour = 3"], "is not a condition on the results"),
        (["00000000", "--device", "cuda:99"], "device 'cuda:99' is not there"),
        ([], "missing argument 'KEY'"),
    ],
)
def test_refused(refused, trained, arguments, expected):
    assert expected in refused("verify", *arguments)
