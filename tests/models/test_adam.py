"""Adam as TensorFlow has it, against its formula."""

import copy

import numpy as np
import pytest
import torch

from models.adam import TensorFlowAdam

GRADIENTS = np.random.default_rng(0).normal(size=(6, 4)) * np.array([1e-9, 1e-7, 1e-3, 10])  # small ones feel epsilon


def by_formula(gradients, lr):
    w, m, v = np.zeros((3, gradients.shape[1]))
    for t, g in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        w = w - lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
    return w


def take_steps(optimizer, parameter, gradients):
    for gradient in gradients:
        parameter.grad = torch.from_numpy(gradient)
        optimizer.step()


@pytest.fixture
def parameter():
    return torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_steps_follow_the_formula(parameter, steps):
    take_steps(TensorFlowAdam([parameter], lr=0.1), parameter, GRADIENTS[:steps])
    np.testing.assert_allclose(parameter.detach(), by_formula(GRADIENTS[:steps], 0.1), rtol=1e-12)


def test_a_zero_gradient_moves_nothing(parameter):
    take_steps(TensorFlowAdam([parameter], lr=0.1), parameter, np.zeros((3, 4)))
    np.testing.assert_array_equal(parameter.detach(), 0)


def test_a_parameter_without_gradient_stays(parameter):
    other = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    take_steps(TensorFlowAdam([parameter, other], lr=0.1), parameter, GRADIENTS)
    np.testing.assert_array_equal(other.detach(), 1)
    np.testing.assert_allclose(parameter.detach(), by_formula(GRADIENTS, 0.1), rtol=1e-12)


def test_a_saved_optimizer_goes_on_where_it_was(parameter):
    first = TensorFlowAdam([parameter], lr=0.1)
    take_steps(first, parameter, GRADIENTS[:3])
    copied = torch.nn.Parameter(parameter.detach().clone())
    second = TensorFlowAdam([copied], lr=0.0)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    take_steps(second, copied, GRADIENTS[3:])
    np.testing.assert_allclose(copied.detach(), by_formula(GRADIENTS, 0.1), rtol=1e-12)


def test_a_closure_gives_the_loss(parameter):
    optimizer = TensorFlowAdam([parameter], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (parameter - 1).square().sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(5)]
    assert losses[0] == 4
    assert losses == sorted(losses, reverse=True)
