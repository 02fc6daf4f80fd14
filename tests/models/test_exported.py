"""Exported networks: loaded again without a database, by our code and by PyTorch alone."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import models
from models.build import build
from programs import needs_cuda

ALONE = """
import sys
import torch
from safetensors.torch import load_file, save_file
network = torch.export.load(sys.argv[1] + "/model.pt2").module()
rates = {name: network(images).detach().clone() for name, images in load_file(sys.argv[2]).items()}
save_file(rates, sys.argv[3])
assert not {"models", "datajoint"} & set(sys.modules)
"""
LAYERS = {
    "filter_size": [5, 4], "num_filters": [3, 2], "stride": [1, 2], "rate": [1, 1], "padding": ["SAME", "SAME"],
    "activation_fn": ["soft", "none"], "rel_smooth_weight": [1.0, 0.5], "rel_sparse_weight": [0.0, 1.0],
    "conv_smooth_weight": 0.01, "conv_sparse_weight": 0.02,
}  # fmt: skip
SETTINGS = [
    {
        "core_class": "StackedRotEquiHermiteConv2dCore",
        "core": LAYERS | {"num_rotations": 4, "upsampling": 2, "shared_biases": True},
        "readout_class": "SpatialSparseXFeatureDenseSeparateReadout",
        "readout": {"positive_feature_weights": True, "mask_sparsity": 0.1, "feature_l2": 0.2},
    },
    {
        "core_class": "StackedConv2dCore",
        "core": LAYERS,
        "readout_class": "SpatialXFeatureJointL1TransferReadout",
        "readout": {"readout_sparsity": 0.1, "k_transfer": 2},
    },
]


@pytest.fixture(params=SETTINGS, ids=lambda settings: settings["core_class"])
def settings(request):
    return request.param | {"image_size": [9, 10], "num_neurons": 6, "note": "kept"}


@pytest.fixture
def model(settings, small_data):
    built = build(settings)
    models.Trainer(built, small_data, seed=0).fit(batch_size=8, max_iter=5, learning_rate=0.05)
    return built


def test_a_loaded_model_predicts_the_same_to_the_bit(model, settings, small_data, tmp_path):
    models.save_model(model, settings, tmp_path / "a" / "b")
    loaded, found = models.load_model(tmp_path / "a" / "b")
    assert found == settings | {"format": 1}
    assert not loaded.training
    assert torch.equal(models.predict(loaded, small_data.test_images), models.predict(model, small_data.test_images))
    assert torch.equal(loaded.regularizer(), model.regularizer())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pytorch_alone_predicts_the_same(model, settings, small_data, tmp_path, dtype):
    model = model.to(dtype)
    models.save_model(model, settings, tmp_path / "out")
    images = {f"{count}": small_data.train_images[:count].to(dtype).clone() for count in (1, 2, 7, 40)}
    save_file(images, tmp_path / "images")
    paths = [tmp_path / name for name in ("out", "images", "rates")]
    subprocess.run([sys.executable, "-P", "-c", ALONE, *map(str, paths)], check=True, cwd=tmp_path)
    rates = load_file(tmp_path / "rates")
    for name, given in images.items():
        # convolutions of the graph are direct ones; on a CPU ours need not be
        rtol = 1e-6 if dtype == torch.float32 else 1e-13
        torch.testing.assert_close(rates[name], models.predict(model, given), rtol=rtol, atol=0)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_the_files_do_not_tell_where_the_model_was(model, settings, small_data, tmp_path, device):
    models.save_model(model.eval(), settings, tmp_path / "before")
    model.to(device).train()
    models.save_model(model, settings, tmp_path / "after")
    assert all(module.training for module in model.modules())
    assert {tensor.device.type for tensor in model.state_dict().values()} == {device}
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "after" / name).read_bytes() == (tmp_path / "before" / name).read_bytes()
    before, after = (
        torch.export.load(tmp_path / name / "model.pt2").module()(small_data.test_images)
        for name in ("before", "after")
    )
    assert torch.equal(after, before)


def test_a_later_format_is_refused(model, settings, tmp_path):
    models.save_model(model, settings, tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ValueError, match=r"model.json: format is 2; allowed is up to 1"):
        models.load_model(tmp_path)


@pytest.mark.parametrize("part", ["core_class", "readout_class"])
@pytest.mark.parametrize("name", ["truncated_normal_", "StackedCore", "torch"])
def test_no_other_name_is_called(settings, part, name):
    with pytest.raises(ValueError, match=f"{part} is '{name}'; allowed are S"):
        build(settings | {part: name})
