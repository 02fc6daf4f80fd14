"""Training: stages, seeds that belong to the run, noise, errors, and that it learns."""

import dataclasses
import random
import re

import numpy as np
import pytest
import torch

from models import Data, Trainer
from models.evaluation import validate
from models.simulation import simulate_recording
from models.training import TrainingDivergedError
from same_tensors import same_tensors

NOISE = [{}, {"map_dropout": 0.3}, {"max_shift": 2}, {"map_dropout": 0.3, "max_shift": 1}]


def test_curve(trained):
    _, result = trained(0, val_steps=2, patience=2, lr_decay_steps=3, learning_rate=0.05, max_iter=None)
    curve = result.curve
    best = [i for i, point in enumerate(curve) if point.is_best]
    assert result.val_loss == curve[best[-1]].val_loss == min(point.val_loss for point in curve)
    assert [point.iteration for point in curve] == [2 * (i + 1) for i in range(len(curve))]
    rates = sorted({point.learning_rate for point in curve}, reverse=True)
    assert rates == pytest.approx([0.05, 0.005, 0.0005])
    ends = [point.iteration + point.steps_left for point in curve]
    assert ends == sorted(ends)
    assert set(ends[best[-1] :]) == {curve[-1].iteration}
    assert curve[-1].steps_left == 0


def test_progress_is_told_each_point(trained):
    told = []
    _, result = trained(0, progress=told.append)
    assert told == result.curve
    assert len(told) == 2


def test_the_best_state_comes_back(small_model, small_data):
    model = small_model()
    states = []
    trainer = Trainer(model, small_data, seed=0)
    result = trainer.fit(
        val_steps=2,
        learning_rate=0.2,
        batch_size=8,
        patience=3,
        progress=lambda _: states.append({name: tensor.clone() for name, tensor in model.state_dict().items()}),
    )
    best = max(i for i, point in enumerate(result.curve) if point.is_best)
    assert best < len(states) - 1
    assert same_tensors(dict(model.state_dict()), states[best])
    assert validate(trainer.model, trainer.data)[0] == result.val_loss


def test_an_equal_loss_is_no_new_best(small_model, trained):
    """So each of two stages ends after three validations."""
    model = small_model()
    model.core.freeze()
    options = {"learning_rate": 1e-30, "val_steps": 1, "patience": 3, "lr_decay_steps": 2, "max_iter": 20}
    _, result = trained(0, model=model, **options)
    assert len({point.val_loss for point in result.curve}) == 1
    assert [point.is_best for point in result.curve] == [True] + 6 * [False]


@pytest.mark.parametrize("kind", ["hermite", "conv2d"])
@pytest.mark.parametrize("noise", NOISE, ids=str)
def test_two_trainings_of_one_seed_are_the_same_to_the_bit(trained, kind, noise):
    """In either order, whatever the global generators are at, and whatever else was trained between."""
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    first, other = trained(3, kind, **noise), trained(4, kind, **noise)
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    other_again = trained(4, kind, **noise)
    torch.rand(7)
    np.random.rand(7)  # noqa: NPY002
    again = trained(3, kind, **noise)
    for (state, result), (state_again, result_again) in ((first, again), (other, other_again)):
        assert same_tensors(state, state_again)
        assert result.curve == result_again.curve
        np.testing.assert_array_equal(result.test_corr, result_again.test_corr)
    assert not same_tensors(first[0], other[0])


def test_noise_changes_the_training(trained):
    states = [trained(3, **noise)[0] for noise in NOISE]
    assert not any(same_tensors(states[i], states[j]) for i in range(4) for j in range(i))


def test_global_generators_are_left_alone(trained):
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    trained(0, map_dropout=0.3, max_shift=2)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_equal(np.random.get_state(), before[1])  # noqa: NPY002
    assert random.getstate() == before[2]


def test_a_fresh_model_is_drawn_from_the_seed(small_model, small_data):
    models = [small_model() for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        Trainer(model, small_data, seed=seed)
    states = [dict(model.state_dict()) for model in models]
    assert same_tensors(states[0], states[1])
    assert not same_tensors(states[0], states[2])


def test_noise_on_masks_and_the_order_of_minibatches_are_of_one_generator(small_model, small_data, batches):
    """As in the original: a fresh model's noise is drawn first."""
    model = small_model(readout={"init_masks": "sta"})
    seen = batches(model)
    Trainer(model, small_data, seed=4).fit(batch_size=40, max_iter=1)
    order = np.random.RandomState(4)
    order.normal(size=(6, 9, 10))
    assert torch.equal(seen[0], small_data.train_images[order.permutation(40)])


def test_settings_that_are_not_given_are_the_originals(small_model, small_data, batches):
    class EnoughError(Exception):
        pass

    told = []

    def end(point):
        told.append(point)
        raise EnoughError

    images, responses = small_data.train_images, small_data.train_responses
    rows = torch.arange(256) % len(images)
    model = small_model("conv2d")
    seen = batches(model)
    data = dataclasses.replace(small_data, train_images=images[rows], train_responses=responses[rows])
    with pytest.raises(EnoughError):
        Trainer(model, data, seed=0).fit(progress=end)
    assert {len(images) for images in seen} == {256}
    (point,) = told
    assert (point.iteration, point.learning_rate, point.is_best) == (50, 0.002, True)
    assert point.steps_left == 2 * 5 * 50  # stages, patience, steps between validations


def test_loaded_weights_are_trained_on(small_model, small_data, trained):
    state, _ = trained(3)
    model = small_model()
    model.load_state_dict(state)
    Trainer(model, small_data, seed=9).fit(max_iter=0, batch_size=8)
    assert same_tensors(dict(model.state_dict()), state)
    going_on, _ = trained(9, model=model, max_iter=1, learning_rate=1e-4)
    moved = (going_on["readout.masks"] - state["readout.masks"]).abs().max()
    assert 0 < moved < 2e-4


@pytest.mark.parametrize("max_shift", [1, 3])
def test_shifted_images_repeat_their_border(small_model, small_data, batches, max_shift):
    model = small_model()
    seen = batches(model)
    Trainer(model, small_data, seed=0).fit(batch_size=40, max_iter=2, max_shift=max_shift)
    order, noise = np.random.RandomState(0), torch.Generator().manual_seed(0)
    found = set()
    for batch in seen:
        drawn = torch.randint(-max_shift, max_shift + 1, (2, 40), generator=noise).T
        originals = small_data.train_images[order.permutation(40), 0].numpy()
        for image, original, shift in zip(batch[:, 0].numpy(), originals, drawn.tolist(), strict=True):
            padded = np.pad(original, max_shift, mode="edge")
            windows = np.lib.stride_tricks.sliding_window_view(padded, original.shape)
            (place,) = np.argwhere((windows == image).all(axis=(2, 3)))
            assert (place - max_shift).tolist() == shift
            found.add(tuple(shift))
    # 80 draws of each axis leave out none of its shifts
    assert {shift[0] for shift in found} == {shift[1] for shift in found} == set(range(-max_shift, max_shift + 1))
    assert len(found) > 2 * max_shift + 1


def test_dropped_maps_are_made_up_for(small_model, small_data):
    model = small_model(num_neurons=6)
    given, used = [], []
    model.core.register_forward_hook(lambda core, _, maps: given.append(maps.detach()) if core.training else None)
    model.readout.register_forward_pre_hook(
        lambda readout, inputs: used.append(inputs[0].detach()) if readout.training else None
    )
    Trainer(model, small_data, seed=0).fit(batch_size=40, max_iter=5, map_dropout=0.25)
    given, used = torch.cat(given), torch.cat(used)
    dropped = (used == 0).all(dim=(2, 3))
    assert dropped.double().mean().item() == pytest.approx(0.25, abs=0.05)
    torch.testing.assert_close(used[~dropped], given[~dropped] / 0.75)


def test_precision_of_model_and_data(small_model, small_data):
    model = small_model()
    trainer = Trainer(model, small_data, seed=0, precision="float64")
    trainer.fit(batch_size=8, max_iter=2)
    assert all(tensor.dtype == torch.float64 for tensor in model.state_dict().values())
    assert trainer.data.train_images.dtype == torch.float64
    assert small_data.train_images.dtype == torch.float32


def test_silent_neurons_are_trained_past(small_model, small_data):
    silent = small_data.train_responses.clone()
    silent[:, 2] = 0
    data = dataclasses.replace(small_data, train_responses=silent)
    model = small_model()
    Trainer(model, data, seed=0).fit(batch_size=8, max_iter=5)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())
    with torch.no_grad():
        assert model.eval()(data.test_images)[:, 2].max() < 1e-6


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(small_model, small_data, seed):
    with pytest.raises(ValueError, match=f"seed is {seed}; allowed is 0 to 4294967295"):
        Trainer(small_model(), small_data, seed=seed)


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_outermost_seeds_train(trained, seed):
    _, result = trained(seed, max_iter=1)
    assert result.num_iterations == 1


def test_a_batch_larger_than_the_data_is_refused(trained):
    with pytest.raises(ValueError, match="batch_size is 41; allowed is at most the 40 training images"):
        trained(0, batch_size=41)
    assert trained(0, batch_size=40, max_iter=1)[1].num_iterations == 1


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        *((name, [0, -1, 2.5, np.nan], "whole numbers from 1 on") for name in ("val_steps", "batch_size")),
        *((name, [0, -1, 2.5, np.nan], "whole numbers from 1 on") for name in ("patience", "lr_decay_steps")),
        *((name, [-1, 2.5, np.inf], "whole numbers from 0 on") for name in ("max_iter", "max_shift")),
        ("learning_rate", [0.0, -0.01, np.nan, np.inf], "more than 0, and finite"),
        ("map_dropout", [-0.1, 1.0, np.nan], "0 to below 1"),
        ("weight_decay", [-0.1, np.nan, np.inf], "0 or more, and finite"),
    ],
)
def test_what_cannot_be_trained_with_is_refused(small_model, small_data, name, values, allowed):
    model = small_model()
    trainer = Trainer(model, small_data, seed=0)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    for value in values:
        with pytest.raises(ValueError, match=re.escape(f"{name} is {value}; allowed") + f" (is|are) {allowed}"):
            trainer.fit(**{"val_steps": 3, "batch_size": 8, "max_iter": 8, "optimizer": "adamw", name: value})
    assert same_tensors(dict(model.state_dict()), before)


@pytest.mark.parametrize("patience", [1, 2])
def test_a_diverged_training_is_told(trained, patience):
    said = rf"nan at each of {patience} validations; a learning rate below 1e\+30"
    with pytest.raises(TrainingDivergedError, match=said):
        trained(0, learning_rate=1e30, val_steps=2, patience=patience, max_iter=None)


@pytest.fixture(scope="module")
def simulated():
    return Data.from_recording(simulate_recording(num_neurons=12, num_images=400, image_size=16, num_repeats=4, seed=1))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("conv2d", {"val_steps": 25, "learning_rate": 0.02, "patience": 8}),
        ("hermite", {"val_steps": 15, "learning_rate": 0.01, "patience": 3}),
    ],
)
def test_a_tiny_model_learns(small_model, simulated, kind, options):
    model = small_model(
        kind, num_neurons=12, image_size=(16, 16), num_filters=[3, 4], readout={"readout_sparsity": 0.01}
    )
    trainer = Trainer(model, simulated, seed=1)
    loss_before, correlation_before = validate(trainer.model, trainer.data)
    result = trainer.fit(batch_size=32, **options)
    loss, correlation = validate(trainer.model, trainer.data)
    assert abs(correlation_before) < 0.1
    assert correlation > correlation_before + 0.15
    assert loss < loss_before - 0.3
    assert result.test_corr.mean() > 0.3
