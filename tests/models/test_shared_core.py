"""One core for several recordings: steps, trainings and scores follow from those of each; a frozen core."""

import dataclasses

import numpy as np
import pytest
import torch

from kept_states import Kept
from models import SharedCoreModel, SharedData, Trainer, poisson_loss, predict
from models.evaluation import score
from models.optimizers import optimizer_named
from models.precision import PRECISIONS
from models.training_step import Minibatch, Step
from same_tensors import same_tensors

NAMES = ("v4.1", "keys")  # with a dot, and as a word of PyTorch's
OPTIONS = {"val_steps": 3, "learning_rate": 0.05, "batch_size": 8, "patience": 2, "lr_decay_steps": 2}
NOISE = {"map_dropout": 0.3, "max_shift": 1}


@pytest.fixture
def smaller(small_data):
    """Another recording: fewer images, and four of the neurons."""
    return dataclasses.replace(
        small_data,
        train_images=-small_data.train_images[:24],
        train_responses=small_data.train_responses[:24, 2:],
        validation_responses=small_data.validation_responses[..., 2:],
        test_images=small_data.test_images[:5],
        test_responses=small_data.test_responses[:, :5, 2:],
    )


@pytest.fixture
def shared(small_model):
    """A new model of recordings of so many neurons."""

    def build(*num_neurons, kind="hermite", names=NAMES, **readout):
        singles = [small_model(kind, num_neurons=count, readout=readout) for count in num_neurons]
        readouts = {name: single.readout for name, single in zip(names, singles, strict=False)}
        return SharedCoreModel(singles[0].core, readouts)

    return build


def take_step(model, minibatch):
    """Of no length, so that gradients stay; gives the loss."""
    return Step(model.train(), optimizer_named("adam", model.parameters(), 0.0), PRECISIONS["float64"])(minibatch, 0.0)


def weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("kind", ["hermite", "conv2d"])
def test_of_the_same_data_twice_every_part_learns_as_alone(double, small_model, small_data, kind):
    """Batch norm sees the same averages, so each readout has its own gradient, and the core twice that of the data."""
    data = small_data.to("cpu", double)
    images, responses = data.train_images[:8], data.train_responses[:8]
    single = small_model(kind, conv_smooth_weight=0.0, conv_sparse_weight=0.0)
    single.initialize(1, data)
    pair = SharedCoreModel(single.core, {name: small_model(kind).readout for name in NAMES})
    for part in pair.parts:
        part.readout.load_state_dict(single.readout.state_dict())
    alone = take_step(single, Minibatch(images, (responses,)))
    expected = {name: parameter.grad.clone() for name, parameter in single.named_parameters()}
    single.core.zero_grad()
    together = take_step(pair, Minibatch(torch.cat([images, images]), (responses, responses)))
    torch.testing.assert_close(together, 2 * alone, rtol=1e-12, atol=0)
    for name, parameter in pair.core.named_parameters():
        torch.testing.assert_close(parameter.grad, 2 * expected[f"core.{name}"], rtol=1e-9, atol=1e-12)
    for part in pair.parts:
        for name, parameter in part.readout.named_parameters():
            torch.testing.assert_close(parameter.grad, expected[f"readout.{name}"], rtol=1e-9, atol=1e-12)


def test_the_gradient_of_the_core_is_the_sum(double, small_data, smaller, shared):
    one, other = small_data.to("cpu", double), smaller.to("cpu", double)
    model = shared(6, 4).train()
    images = torch.cat([one.train_images[:8], other.train_images[:6]])
    responses = one.train_responses[:8], other.train_responses[:6]
    expected, losses = [], []
    for part, rows, own in zip(model.parts, (slice(0, 8), slice(8, 14)), responses, strict=True):
        maps = model.core(images)  # batch norm over the images of both
        losses.append(poisson_loss(part.readout(maps[rows]), own))
        expected.append(torch.autograd.grad(losses[-1], list(model.core.parameters())))
    penalties = torch.autograd.grad(model.core.regularizer(), list(model.core.parameters()), allow_unused=True)
    found = take_step(model, Minibatch(images, responses))
    torch.testing.assert_close(found, losses[0] + losses[1] + model.regularizer(), rtol=1e-12, atol=0)
    for parameter, *terms, penalty in zip(model.core.parameters(), *expected, penalties, strict=True):
        total = sum(terms) + (0 if penalty is None else penalty)
        torch.testing.assert_close(parameter.grad, total, rtol=1e-9, atol=1e-12)


def test_one_recording_is_as_it_is_alone(small_model, small_data, shared):
    alone = small_model()
    expected = Trainer(alone, small_data, seed=7).fit(**OPTIONS | NOISE)
    model = shared(6)
    found = Trainer(model, SharedData({NAMES[0]: small_data}), seed=7).fit(**OPTIONS | NOISE)
    assert (found.curve, found.val_loss, found.num_iterations) == (
        expected.curve,
        expected.val_loss,
        expected.num_iterations,
    )
    assert same_tensors(weights(model.of(NAMES[0])), weights(alone))
    (row, neurons), (alone_row, alone_neurons) = (
        score(*pair) for pair in ((model, SharedData({NAMES[0]: small_data})), (alone, small_data))
    )
    np.testing.assert_equal(row, alone_row)
    np.testing.assert_equal(neurons, alone_neurons)


@pytest.mark.parametrize("readout", [{}, {"init_masks": "sta"}])
def test_every_state_leads_to_the_same_end(small_data, smaller, shared, readout):
    def fit(keeper):
        model = shared(6, 4, **readout)
        data = SharedData(dict(zip(NAMES, (small_data, smaller), strict=True)))
        result = Trainer(model, data, seed=7).fit(**OPTIONS | NOISE, keeper=keeper)
        return weights(model), result

    kept = Kept()
    state, result = fit(kept)
    assert len(kept.states) == len(result.curve) > 2
    for first in kept.states[::2]:
        other_state, other = fit(Kept(first))
        assert same_tensors(state, other_state)
        assert (other.curve, other.val_loss) == (result.curve, result.val_loss)
        np.testing.assert_array_equal(other.test_corr, result.test_corr)


def test_each_recording_has_its_own_epochs(small_data, smaller, shared, batches):
    model = shared(6, 4)
    seen = batches(model)
    data = SharedData(dict(zip(NAMES, (small_data, smaller), strict=True)))
    Trainer(model, data, seed=0).fit(batch_size=8, max_iter=15)
    shown = torch.stack(seen)
    assert shown.shape[:2] == (15, 16)
    for images, epochs, part in ((shown[:, :8], 3, small_data), (shown[:, 8:], 5, smaller)):
        for epoch in images.flatten(0, 1).chunk(epochs):
            assert {image.numpy().tobytes() for image in epoch} == {i.numpy().tobytes() for i in part.train_images}


def test_scores_are_those_of_each_recording(small_data, smaller, shared):
    model, data = shared(6, 4), SharedData(dict(zip(NAMES, (small_data, smaller), strict=True)))
    model.initialize(1, data)
    row, neurons = score(model, data)
    each = [score(model.of(name), part) for name, part in data.recordings.items()]
    for name, values in neurons.items():
        np.testing.assert_array_equal(values, np.concatenate([one[1][name] for one in each]))
    assert row["val_loss"] == pytest.approx(each[0][0]["val_loss"] + each[1][0]["val_loss"], rel=1e-12)
    assert row["test_corr"] == pytest.approx((6 * each[0][0]["test_corr"] + 4 * each[1][0]["test_corr"]) / 10)
    assert row["test_corr_lower"] < row["test_corr"] < row["test_corr_upper"]
    widths = [one["val_corr_upper"] - one["val_corr_lower"] for one in (row, each[0][0], each[1][0])]
    assert widths[0] == pytest.approx(np.hypot(0.6 * widths[1], 0.4 * widths[2]), rel=0.15)  # of independent images


def test_all_neurons_in_one_model(small_data, smaller, shared):
    model, data = shared(6, 4), SharedData(dict(zip(NAMES, (small_data, smaller), strict=True)))
    model.initialize(1, data)
    rates = predict(model, small_data.test_images)
    torch.testing.assert_close(predict(model.joined(), small_data.test_images), rates, rtol=1e-5, atol=0)
    each = [predict(model.of(name), small_data.test_images) for name in NAMES]
    torch.testing.assert_close(torch.cat(each, dim=1), rates, rtol=0, atol=0)
    again = shared(6, 4)
    again.load_state_dict(weights(model))
    assert torch.equal(predict(again, small_data.test_images), rates)


def test_a_frozen_core_stays_as_it_is(small_model, small_data):
    model = small_model()
    with torch.no_grad():
        model.core.layers[0].norm.moving_variance.fill_(0.5)
    model.core.freeze()
    before = weights(model.core)
    result = Trainer(model, small_data, seed=5).fit(**OPTIONS | NOISE, optimizer="adamw", weight_decay=0.1)
    assert same_tensors(weights(model.core), before)
    assert len(result.curve) > 2
    # a training step has the maps of a prediction, and no penalty on the core
    images, responses = small_data.train_images[:8], small_data.train_responses[:8]
    loss = poisson_loss(predict(model, images), responses) + model.readout.regularizer()
    assert take_step(model, Minibatch(images, (responses,))).item() == pytest.approx(loss.item(), rel=1e-6)


def test_what_does_not_go_together_is_refused(small_data, smaller, shared):
    wider = dataclasses.replace(small_data, train_images=torch.zeros(40, 1, 9, 12))
    with pytest.raises(ValueError, match="images of one size; found: a 9 x 10, b 9 x 12"):
        SharedData({"a": small_data, "b": wider})
    data = SharedData(dict(zip(NAMES, (small_data, smaller), strict=True)))
    with pytest.raises(ValueError, match="batch_size is 25; allowed is at most the 24 training images"):
        Trainer(shared(6, 4), data, seed=0).fit(batch_size=25)
    with pytest.raises(ValueError, match=r"recording is 'c'; allowed are 'v4.1', 'keys'"):
        shared(6, 4).of("c")
