"""Gradients by the image, against recorded values and against differences; where they lie."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models import CorePlusReadoutModel, SpatialXFeatureJointL1TransferReadout, predict
from models.gradient_rf import centre_and_size, gradient_rfs, own_gradient_rfs
from models.shared_data import SharedData

LINEAR = {"activation_fn": ["none", "none"]}
SIZE = (9, 10)


@pytest.fixture
def model(double, small_model, small_data):
    def build(**kwargs):
        built = small_model(**kwargs).double()
        built.initialize(3, small_data)
        with torch.no_grad():
            built.readout.masks[4] = 0
        return built

    return build


@pytest.fixture
def images(small_data):
    return small_data.train_images[:7].double()


@pytest.mark.parametrize("name", ["ckpt_hermite", "ckpt_conv2d"])
def test_recorded_gradients_at_grey(recorded, recorded_model, name):
    found = gradient_rfs(recorded_model(recorded(name), "values/"), image_size=(15, 20))
    wanted = recorded("insilico")
    expected = wanted[f"{name}/gradient_rf/gradients"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found[wanted[f"{name}/gradient_rf/cells"]], expected, rtol=0, atol=2e-6 * np.abs(expected).max()
    )


def test_the_gradient_of_a_linear_neuron_is_its_kernel(model):
    linear = model(**LINEAR)
    pixels = torch.eye(90, dtype=torch.float64).reshape(90, 1, *SIZE)
    at_grey, at_pixels = predict(linear, torch.zeros(1, 1, *SIZE).double()), predict(linear, pixels)
    kernels = torch.log(torch.expm1(at_pixels)) - torch.log(torch.expm1(at_grey))  # before the softplus
    slope = -torch.expm1(-at_grey)  # of the softplus
    found = gradient_rfs(linear, image_size=SIZE)
    np.testing.assert_allclose(found, (slope * kernels).T.reshape(-1, *SIZE), rtol=0, atol=1e-12)


def test_over_images_it_is_the_root_mean_square(model, images):
    at_each, built = [], model().eval()
    for image in images:
        shown = image[None].clone().requires_grad_()
        rates = built(shown)[0]
        at_each.append([torch.autograd.grad(rate, shown, retain_graph=True)[0][0, 0].numpy() for rate in rates])
    expected = np.sqrt(np.square(at_each).mean(axis=0))
    for batch_size in (1, 4, 6, 20, 256):
        found = gradient_rfs(model(), images, batch_size=batch_size)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * expected.max())
    np.testing.assert_allclose(
        gradient_rfs(model(), torch.zeros(1, 1, *SIZE), batch_size=4),
        np.abs(gradient_rfs(model(), image_size=SIZE)),
        rtol=1e-12,
        atol=1e-12 * expected.max(),
    )


def test_of_neurons_that_do_not_train_the_core_too(model, images):
    plain = model()
    transfer = SpatialXFeatureJointL1TransferReadout(plain.core.output_shape(*SIZE), 6, k_transfer=2).double()
    transfer.load_state_dict(plain.readout.state_dict())
    np.testing.assert_array_equal(
        gradient_rfs(CorePlusReadoutModel(plain.core, transfer), images), gradient_rfs(plain, images)
    )


def test_the_model_is_left_as_it_was_and_progress_ends_with_all(model, images):
    built, calls = model(), []
    before = {name: tensor.clone() for name, tensor in built.state_dict().items()}
    gradient_rfs(built, images, batch_size=4, progress=lambda *call: calls.append(call))
    torch.testing.assert_close(dict(built.state_dict()), before, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in built.parameters())
    assert calls[-1] == (42, 42)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_of_several_recordings_each_neuron_is_asked_about_its_own_images(model, small_data):
    built, calls = model(), []
    whole = gradient_rfs(built, small_data.train_images[:7])
    np.testing.assert_array_equal(own_gradient_rfs(built, small_data, 7), whole)  # to the bit
    responses = {
        name: getattr(small_data, name) for name in ("train_responses", "validation_responses", "test_responses")
    }
    first = replace(small_data, **{name: array[..., :2] for name, array in responses.items()})
    others = {name: array[..., 2:] for name, array in responses.items()}
    second = replace(small_data, train_images=small_data.train_images[7:].flip(0), **others)
    both = SharedData({"first": first, "second": second})
    found = own_gradient_rfs(built, both, 7, lambda *call: calls.append(call))
    expected = [whole[:2], gradient_rfs(built, second.train_images[:7])[2:]]
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-9, atol=1e-9 * np.max(whole))
    assert calls[-1] == (42, 42)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_one_of_images_and_image_size_is_needed(model, images):
    with pytest.raises(ValueError, match="image_size is None; allowed is"):
        gradient_rfs(model())
    with pytest.raises(ValueError, match=r"image_size is \(9, 10\); allowed is"):
        gradient_rfs(model(), images, image_size=SIZE)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.5])
def test_a_gaussian_is_found_where_it_is(share):
    x, y, size = np.array([12.3, 20.0, 17.6]), np.array([14.0, 12.5, 18.2]), np.array([2.0, 2.5, 3.0])
    rows, columns = np.indices((33, 40))
    square = (columns - x[:, None, None]) ** 2 + (rows - y[:, None, None]) ** 2
    rfs = 5e-30 * np.exp(-square / (4 * size[:, None, None] ** 2))  # its square is the energy
    rfs *= np.where(columns % 2, -1, 1)
    found = centre_and_size(rfs, share=share)
    np.testing.assert_allclose(found["x"], x, atol=0.05)
    np.testing.assert_allclose(found["y"], y, atol=0.05)
    np.testing.assert_allclose(found["size"], size, rtol=0.02)
    np.testing.assert_allclose(found["energy"], np.square(rfs).sum(axis=(1, 2)), rtol=1e-12)


def test_a_background_does_not_move_the_centre():
    rows, columns = np.indices((32, 32))
    energy = np.exp(-((columns - 6) ** 2 + (rows - 24) ** 2) / 18) + 0.1
    found = centre_and_size(np.sqrt(energy)[None])
    np.testing.assert_allclose([found["x"][0], found["y"][0]], [6, 24], atol=0.1)
    np.testing.assert_allclose(found["size"], 3, rtol=0.15)
    drawn = centre_and_size(np.sqrt(energy)[None], share=0)
    assert np.hypot(drawn["x"] - 6, drawn["y"] - 24) > 3


def test_a_neuron_without_gradient_has_no_place(model, images):
    for rfs in (gradient_rfs(model(), images), gradient_rfs(model(), image_size=SIZE)):
        assert not rfs[4].any()
        found = centre_and_size(rfs)
        assert found["energy"][4] == 0
        for name in ("x", "y", "size"):
            np.testing.assert_array_equal(np.isnan(found[name]), np.arange(6) == 4)


def test_an_impossible_share_is_refused():
    with pytest.raises(ValueError, match=r"share is 1\.0; allowed is 0"):
        centre_and_size(np.ones((1, 3, 3)), share=1.0)
