"""Normalisation, against the recorded one and its formulas; nothing is changed in place."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from models import Data, Recording
from models.data import response_scale
from programs import needs_cuda


@pytest.fixture
def recording():
    rng = np.random.default_rng(0)
    test_responses = rng.normal(1, 1, size=(3, 6, 4)).astype(np.float32)
    test_responses[2, 1] = np.nan
    return Recording(
        train_images=rng.integers(0, 256, size=(20, 5, 7), dtype=np.uint8),
        train_responses=rng.normal(1, [1, 2, 3, 1e-4], size=(20, 4)).astype(np.float32),
        validation_images=rng.integers(0, 256, size=(8, 5, 7), dtype=np.uint8),
        validation_responses=rng.normal(1, 1, size=(8, 4)).astype(np.float32),
        test_images=rng.integers(0, 256, size=(6, 5, 7), dtype=np.uint8),
        test_responses=test_responses,
    )


def test_recorded_normalisation(recorded):
    arrays = recorded("dataset_tiny")
    names = {"train": "train", "validation": "val", "test": "test"}
    raw = {
        f"{split}_{kind}": arrays[f"raw/{kind}_{short}"]
        for split, short in names.items()
        for kind in ("images", "responses")
    }
    data = Data.from_recording(Recording(**raw))
    assert np.concatenate([raw["train_responses"], raw["validation_responses"]]).min() < 0  # so that clipping matters
    for split, short in names.items():
        images = getattr(data, f"{split}_images").permute(0, 2, 3, 1)
        np.testing.assert_allclose(images, arrays[f"normalized/images_{short}"], rtol=1e-5, atol=1e-6)
        responses = getattr(data, f"{split}_responses")
        np.testing.assert_allclose(responses, arrays[f"normalized/responses_{short}"], rtol=1e-6)


def test_formulas(recording):
    data = Data.from_recording(recording)
    pixels = recording.train_images.astype(float)
    for split in ("train", "validation", "test"):
        images = (getattr(recording, f"{split}_images") - pixels.mean()) / pixels.std()
        np.testing.assert_allclose(getattr(data, f"{split}_images")[:, 0], images, rtol=1e-5, atol=1e-6)
        sd = recording.train_responses.std(axis=0, dtype=float)
        sd[3] = 1  # hardly varies
        responses = np.maximum(getattr(recording, f"{split}_responses") / sd, 0)
        np.testing.assert_allclose(getattr(data, f"{split}_responses"), responses, rtol=1e-5)
    assert all(getattr(data, f.name).dtype == torch.float32 for f in fields(data))
    assert torch.isnan(data.test_responses[2, 1]).all()
    assert torch.isnan(data.test_responses).sum() == 4


def test_nothing_is_changed_in_place(recording):
    before = recording.content_sha256()
    data = Data.from_recording(recording)
    for f in fields(data):
        getattr(data, f.name).zero_()
    assert recording.content_sha256() == before


def test_sizes(recording):
    data = Data.from_recording(recording)
    assert data.num_neurons == recording.num_neurons == 4
    assert data.image_size == recording.image_size == (5, 7)
    np.testing.assert_allclose(data.mean_responses, data.train_responses.double().mean(dim=0))
    assert data.mean_responses.dtype == np.float64


@pytest.mark.parametrize(
    ("sds", "wanted"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, 2, 0], [1, 2, 1]),
        ([1, 1, 0.0065], [1, 1, 1]),  # below a hundredth of the mean SD
        ([1, 1, 0.0069], [1, 1, 0.0069]),
        ([0, 0, 0], [1, 1, 1]),
    ],
)
def test_a_neuron_that_hardly_varies_is_not_scaled(sds, wanted):
    responses = 5 + np.array([[1.0], [-1.0]]) * np.array(sds)
    np.testing.assert_allclose(response_scale(responses), wanted)


def test_precision(recording):
    data = Data.from_recording(recording)
    double = data.to("cpu", torch.float64)
    for f in fields(data):
        assert getattr(double, f.name).dtype == torch.float64
        np.testing.assert_array_equal(getattr(double, f.name), getattr(data, f.name))


def test_a_copy_is_made_once(recording):
    data = Data.from_recording(recording)
    alone = data.nbytes
    assert data.to("cpu", torch.float32).train_images is data.train_images
    assert data.nbytes == alone
    assert data.to("cpu", torch.float64) is data.to(torch.device("cpu"), torch.float64)
    assert data.nbytes == 3 * alone


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_a_device_has_two_names_and_one_copy(recording, device):
    data = Data.from_recording(recording)
    copy = data.to(device, torch.float64)
    assert data.to(f"{device}:0", torch.float64) is copy
    assert data.to(copy.train_images.device, torch.float64) is copy
