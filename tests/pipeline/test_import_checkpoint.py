"""Checkpoints of the original code: real ones, read by TensorFlow, become rows; others are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import models
from pipeline.checkpoints import Checkpoint
from pipeline.errors import UserError
from pipeline.import_checkpoint import insert_checkpoint
from schemas.training import TrainedModel

REFERENCE = Path(__file__).parents[1] / "reference"
HERMITE, CNN = "647bb1d1bd02979996e492b5422eb95f", "96c4d0cc8869d2b5a4297f13f2cdd422"
NAMES = {HERMITE: "ckpt_hermite", CNN: "ckpt_conv2d"}


@pytest.mark.parametrize("log_hash", NAMES)
def test_a_checkpoint_becomes_a_row(hypercolumn, checkpoints, recorded_dataset, log_hash):
    code, out, err = hypercolumn("import-checkpoint", checkpoints[log_hash])
    assert code == 0, err
    assert "the published scores are of another architecture" in err  # these checkpoints are of small networks
    (row,) = json.loads(hypercolumn("results", "--where", "trainer LIKE '%-imported'", "--format", "json").out)
    assert row["id"] in out
    with np.load(REFERENCE / f"{NAMES[log_hash]}.npz") as recorded:
        assert row["test_corr"] == pytest.approx(recorded["test_corr"].mean(), abs=1e-6)
        images, predictions = recorded["inputs"].transpose(0, 3, 1, 2), recorded["predictions"]
    model = (TrainedModel & {"seed": row["seed"]}).load_model()
    np.testing.assert_allclose(models.predict(model, torch.from_numpy(images)), predictions, rtol=1e-5)
    assert row["log_hash"] == log_hash
    assert row["num_iterations"] == 30
    assert row["published_test_corr"] == {HERMITE: 0.471, CNN: 0.394}[log_hash]
    assert f"{row['published_test_corr']:.3f}" in out
    assert row["seed"] == {HERMITE: 909391714, CNN: 959865652}[log_hash]

    again = hypercolumn("import-checkpoint", checkpoints[log_hash])
    assert again.code == 0
    assert "was imported before; nothing to do" in again.err
    assert len(TrainedModel.Imported & {"training_set": recorded_dataset}) == 1


def refused(hypercolumn, snapshot, *arguments: object) -> str:
    before = snapshot()
    code, out, err = hypercolumn("import-checkpoint", *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert snapshot() == before
    return err


def test_no_recording_fits(hypercolumn, snapshot, tiny, checkpoints):
    assert "has 12 neurons, and of the recordings that many have: none; name the one" in refused(
        hypercolumn, snapshot, checkpoints[HERMITE]
    )


def test_a_recording_that_does_not_fit(hypercolumn, snapshot, tiny, checkpoints):
    said = refused(hypercolumn, snapshot, checkpoints[HERMITE], "--dataset", tiny)
    assert "readout/biases is (12,), the model's is (6,); " in said
    assert "readout/masks is (12, 15, 20), the model's is (6, 16, 16)" in said


def test_a_damaged_checkpoint(hypercolumn, snapshot, recorded_dataset, checkpoints, tmp_path):
    folder = tmp_path / HERMITE
    shutil.copytree(checkpoints[HERMITE], folder)
    (data,) = folder.glob("*.data-*")
    data.write_bytes(data.read_bytes()[:1000])
    assert "cannot be read as a checkpoint (" in refused(hypercolumn, snapshot, folder)
    next(folder.glob("*.index")).unlink()
    assert "holds 0 files *.index; allowed is one checkpoint" in refused(hypercolumn, snapshot, folder)


FAULTS = {
    "core/conv2/coeffs": (None, "variable core/conv2/coeffs is missing"),
    "core/conv1/BatchNorm/beta": (None, "variable core/conv1/BatchNorm/beta is missing"),
    "core/conv3/BatchNorm/gamma": ((32,), "core/conv3/BatchNorm/gamma is unknown"),
    "readout/biases": (None, "variable readout/biases is missing"),
    "readout/masks": ((12, 15), "readout/masks is (12, 15), the model's is (12, 15, 20)"),
    "readout/feature_weights": (None, "readout/feature_weights is missing"),
    "core/conv1/coeffs": ((28,), "variable core/conv1/coeffs has the shape (28,), which no layer of the original has"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_missing_extra_or_misshapen_variable_is_named(snapshot, recorded_dataset, name):
    with np.load(REFERENCE / "ckpt_hermite.npz") as arrays:
        variables = {key.removeprefix("values/"): arrays[key] for key in arrays if key.startswith("values/")}
    shape, said = FAULTS[name]
    variables.pop(name, None)
    if shape is not None:
        variables[name] = np.ones(shape, dtype=np.float32)
    before = snapshot()
    with pytest.raises(UserError) as error:
        insert_checkpoint(Checkpoint(Path("somewhere"), HERMITE, variables))
    assert said in str(error.value)
    assert snapshot() == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "is no folder; allowed is the folder of a checkpoint"),
        ("some", "is not named by a log hash, 32 hexadecimal digits"),
        ("0" * 32, "is no published log hash; name the configuration that it was trained with by --config"),
    ],
)
def test_what_is_no_checkpoint_of_the_paper(hypercolumn, snapshot, connection, checkpoints, tmp_path, name, said):
    if name != "nothing":
        shutil.copytree(checkpoints[CNN], tmp_path / name)
    assert said in refused(hypercolumn, snapshot, tmp_path / name)


def test_a_hash_of_ones_own_needs_a_configuration(hypercolumn, recorded_dataset, checkpoints, tmp_path):
    shutil.copytree(checkpoints[CNN], tmp_path / ("0" * 32))
    code, _, err = hypercolumn("import-checkpoint", tmp_path / ("0" * 32), "--config", "paper-cnn-32")
    assert (code, err) == (0, "")
    row = (TrainedModel.Imported & {"training_set": recorded_dataset}).fetch1()
    assert (row["log_hash"], row["published_test_corr"]) == ("0" * 32, None)


def test_without_tensorflow(hypercolumn, snapshot, connection, checkpoints, tmp_path):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise ImportError('not here')\n")
    before = snapshot()
    code, out, err = hypercolumn("import-checkpoint", checkpoints[CNN], PYTHONPATH=str(tmp_path))
    assert (code, out) == (2, "")
    assert err == "hypercolumn: checkpoints are read by TensorFlow; pip install 'hypercolumn[tensorflow]'\n"
    assert snapshot() == before
