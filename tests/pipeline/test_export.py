"""A trained model as files, by its id or by a condition."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import models
from pipeline import results
from schemas.dataset import Dataset
from schemas.training import TrainedModel


@pytest.fixture
def row(trained) -> dict:
    return results.query_results(where=[trained])[0]


def test_exported_files_predict_what_the_row_does(command, row, trained, recording, tmp_path):
    folder = tmp_path / "out"
    code, out, err = command("export", row["id"], "--to", folder)
    assert (code, err) == (0, "")
    assert out.split() == [str(folder / name) for name in ("model.json", "model.pt2", "weights.safetensors")]
    model, settings = models.load_model(folder)
    raw = recording.test_images
    images = torch.from_numpy(((raw - settings["image_mean"]) / settings["image_sd"]).astype(np.float32)[:, None])
    data = models.Data.from_recording((Dataset & {"dataset_name": "tiny"}).load())
    assert torch.equal(images, data.test_images)
    wanted = models.predict((TrainedModel & trained).load_model(), images)
    assert torch.equal(models.predict(model, images), wanted)
    graph = torch.export.load(folder / "model.pt2").module()
    torch.testing.assert_close(graph(images), wanted, rtol=1e-6, atol=0)
    assert settings["scores"]["test_corr"] == row["test_corr"]
    assert settings["key"] == {name: row[name] for name in TrainedModel.primary_key}
    assert settings["neuron_id"] == list(range(6))
    again = json.loads((folder / "model.json").read_text())
    assert again == settings


def test_by_a_condition(command, trained, tmp_path):
    where = " AND ".join(f"{name} = '{value}'" for name, value in trained.items())
    assert command("export", where, "--to", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "model.json").exists()


def test_what_leaves_no_model_or_several(refused, trained, tmp_path):
    folder = tmp_path / "out"
    assert "'00000000' leaves 0 trained models; name one by its id" in refused("export", "00000000", "--to", folder)
    assert "is not a condition on the results" in refused("export", "colour = 3", "--to", folder)
    assert "leaves 0 trained models" in refused("export", "test_corr > 2", "--to", folder)
    assert "missing option '--to'" in refused("export", "00000000")
    assert not folder.exists()


def test_a_folder_that_is_not_empty(refused, row, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        assert f"{path}: is there already and not empty; name a new folder" in refused(
            "export", row["id"], "--to", path
        )


def test_a_folder_that_cannot_be(refused, row, tmp_path):
    (tmp_path / "file").touch()
    said = refused("export", row["id"], "--to", tmp_path / "file" / "out")
    assert "Not a directory" in said
