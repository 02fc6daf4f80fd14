"""Most exciting images: as the original's, each neuron on its own, and the best of what was shown."""

import numpy as np
import pytest
import torch

from models import CorePlusReadoutModel, SpatialXFeatureJointL1TransferReadout, predict
from models.gradient_rf import gradient_rfs
from models.mei import best_shown_images, most_exciting_images
from models.penalties import smoothness as smooth_penalty

SIZE = (9, 10)
SETTINGS = {"image_size": SIZE, "norm": 5.0, "smoothness": 0.001, "learning_rate": 1.0, "max_iter": 12}
SETTINGS |= {"patience": 100, "num_starts": 2, "seed": 0}
BLIND = 4


@pytest.fixture
def model(double, small_model, small_data):
    def build(**kwargs):
        built = small_model(**kwargs)
        built.initialize(3, small_data)
        with torch.no_grad():
            built.readout.feature_weights *= 50
            built.readout.masks[BLIND] = 0
        return built

    return build


@pytest.mark.parametrize("steps", [1, 5, 20])
@pytest.mark.parametrize("name", ["ckpt_hermite", "ckpt_conv2d"])
def test_recorded_images(recorded, recorded_model, name, steps):
    """In single precision, like the original; its three starts as one neuron's and as those of three."""
    model, wanted = recorded_model(recorded(name), "values/"), recorded("insilico")
    given = wanted["meta"]["mei"]
    settings = {key: given[key] for key in ("norm", "smoothness", "learning_rate")}
    settings |= {"image_size": (15, 20), "max_iter": steps, "patience": 100, "seed": 0}
    start = wanted[f"{name}/mei/start_raw"][..., 0]
    images, rates = wanted[f"{name}/mei/images_it{steps}"][..., 0], wanted[f"{name}/mei/predictions_all"][steps - 1]

    cell = np.array([given["cell_id"]])
    together = most_exciting_images(model, cell, num_starts=3, start=start[None], **settings)
    # processors round differently: by what was seen on two kinds of them, and some more
    np.testing.assert_allclose(together.all_rates[0], rates, rtol=2e-5)
    np.testing.assert_allclose(together.images[0], images[rates.argmax()], rtol=0, atol=2e-5)
    assert together.num_iterations == [steps]

    apart = most_exciting_images(model, cell.repeat(3), num_starts=1, start=start[:, None], **settings)
    np.testing.assert_allclose(apart.rates, rates, rtol=2e-5)
    # Adam's first steps are as long where the gradient is next to nothing, and mostly rounding
    distances = np.abs(apart.images - images)
    assert np.mean(distances > 2e-5) < 0.02
    assert distances.max() < 2e-3


@pytest.mark.parametrize("kind", ["hermite", "conv2d"])
def test_each_neuron_is_on_its_own(model, kind):
    built = model(kind=kind)
    start = np.random.default_rng(0).normal(size=(6, 2, *SIZE))
    start[[1, 3]] = most_exciting_images(built, np.array([1, 3]), **SETTINGS).images[:, None]
    settings = SETTINGS | {"max_iter": 30, "patience": 3}
    everyone = most_exciting_images(built, np.arange(6), start=start, **settings)
    # the first step is so long that it leaves a good image, and the loss does not come back in time
    np.testing.assert_array_equal(everyone.num_iterations, [30, 4, 30, 4, 0, 30])
    for neurons, batch_size in (([5, 0], 16), ([2], 16), ([3, 1, 5], 2), ([0, 1, 2], 2)):
        some = most_exciting_images(built, np.array(neurons), start=start[neurons], batch_size=batch_size, **settings)
        np.testing.assert_array_equal(some.num_iterations, everyone.num_iterations[neurons])
        np.testing.assert_allclose(some.images, everyone.images[neurons], rtol=0, atol=1e-8)
        np.testing.assert_allclose(some.all_rates, everyone.all_rates[neurons], rtol=1e-8)


def test_images_are_normed_and_rates_are_the_models(model):
    built = model()
    found = most_exciting_images(built, np.array([0, 3]), **SETTINGS)
    np.testing.assert_allclose(np.square(found.images).sum(axis=(1, 2)), 25, rtol=1e-12)
    rates = predict(built, torch.from_numpy(found.images)[:, None]).numpy()
    np.testing.assert_allclose(found.rates, rates[[0, 1], [0, 3]], rtol=1e-12)
    np.testing.assert_array_equal(found.rates, found.all_rates.max(axis=1))
    assert (found.all_rates[:, 0] != found.all_rates[:, 1]).all()


def test_the_best_image_of_a_linear_neuron_is_its_kernel_over_the_root_of_frequency(model):
    linear = model(activation_fn=["none", "none"])
    kernels = gradient_rfs(linear, image_size=SIZE)[:3]
    frequency = np.hypot(np.fft.fftfreq(9, 1 / 9)[:, None], np.fft.fftfreq(10, 1 / 10))
    expected = np.fft.ifft2(np.fft.fft2(kernels) / np.sqrt(np.maximum(frequency, 1))).real
    expected *= SETTINGS["norm"] / np.linalg.norm(expected, axis=(1, 2), keepdims=True)
    settings = SETTINGS | {"smoothness": 0.0, "learning_rate": 0.1, "max_iter": 300}
    found = most_exciting_images(linear, np.arange(3), **settings)
    np.testing.assert_allclose(found.images, expected, rtol=0, atol=1e-3)


def test_smoothness_smooths_at_the_cost_of_rate(model):
    def found(smoothness):
        return most_exciting_images(model(), np.arange(3), **SETTINGS | {"smoothness": smoothness, "max_iter": 60})

    def roughness(images):
        return smooth_penalty(torch.from_numpy(images)[:, None]).item()  # images are of one norm

    rough, smooth = found(0.0), found(0.1)
    assert roughness(smooth.images) < 0.5 * roughness(rough.images)
    assert (smooth.rates < rough.rates).all()


def test_starts_follow_from_seed_and_neuron(model):
    def images(seed):
        return most_exciting_images(model(), np.array([1, 1, 2]), **SETTINGS | {"seed": seed, "max_iter": 1}).images

    np.testing.assert_array_equal(images(0), images(0))
    np.testing.assert_array_equal(images(0)[0], images(0)[1])
    assert not np.allclose(images(0)[0], images(1)[0])


def test_it_ends_when_the_loss_has_not_fallen_for_so_long(model):
    climbing = SETTINGS | {"learning_rate": -1e-3, "max_iter": 50, "patience": 7}  # each loss above the one before
    assert (most_exciting_images(model(), np.arange(3), **climbing).num_iterations == 8).all()


def test_a_neuron_that_sees_nothing_has_no_image(model, small_data):
    built = model()
    with torch.no_grad():
        built.readout.feature_weights[2] = 0
    found = most_exciting_images(built, np.array([BLIND, 1, 2]), **SETTINGS)
    for array in (found.images, found.rates, found.all_rates):
        np.testing.assert_array_equal(np.isnan(array).reshape(3, -1).all(axis=1), [True, False, True])
    np.testing.assert_array_equal(found.num_iterations, [0, 12, 0])
    alone = most_exciting_images(built, np.array([BLIND]), **SETTINGS)
    assert np.isnan(alone.images).all()
    index, rates = best_shown_images(built, small_data.train_images)
    np.testing.assert_array_equal(index == -1, np.isin(np.arange(6), [2, BLIND]))
    np.testing.assert_array_equal(np.isnan(rates), index == -1)


def test_of_neurons_that_do_not_train_the_core_too(model):
    plain = model()
    transfer = SpatialXFeatureJointL1TransferReadout(plain.core.output_shape(*SIZE), 6, k_transfer=2)
    transfer.load_state_dict(plain.readout.state_dict())
    found = most_exciting_images(CorePlusReadoutModel(plain.core, transfer), np.array([1, 2]), **SETTINGS)
    np.testing.assert_array_equal(found.images, most_exciting_images(plain, np.array([1, 2]), **SETTINGS).images)


def test_nothing_that_was_given_is_changed(model):
    built, start, calls = model(), np.random.default_rng(0).normal(size=(3, 2, *SIZE)), []
    state, given = {name: tensor.clone() for name, tensor in built.state_dict().items()}, start.copy()
    most_exciting_images(
        built, np.arange(3), **SETTINGS, start=start, batch_size=2, progress=lambda *call: calls.append(call)
    )
    torch.testing.assert_close(dict(built.state_dict()), state, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in built.parameters())
    np.testing.assert_array_equal(start, given)
    assert calls == [(2, 3), (3, 3)]
    with pytest.raises(ValueError, match=r"start is \(3, 2, 9, 10\); allowed is \(2, 2, 9, 10\)"):
        most_exciting_images(built, np.arange(2), **SETTINGS, start=start)


@pytest.mark.parametrize("norm", [None, 4.0])
def test_best_shown_images(model, small_data, norm):
    built, images = model(), small_data.train_images.double()
    images[3] = 0  # grey, whatever its norm is to be
    norms = images.flatten(1).norm(dim=1)[:, None, None, None].clamp(min=1e-9)
    shown = images if norm is None else norm * images / norms
    rates = np.delete(predict(built, shown).numpy(), BLIND, axis=1)
    for batch_size in (1, 7, 40, 256):
        index, best = (np.delete(each, BLIND) for each in best_shown_images(built, images, batch_size, norm=norm))
        np.testing.assert_array_equal(index, rates.argmax(axis=0))
        np.testing.assert_allclose(best, rates.max(axis=0), rtol=1e-12)
