"""Convolution, batch norm and softplus, against recorded values and plain numpy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.layers import ACTIVATIONS, BatchNorm, convolve, softplus
from models.padding import convolved_size, same_padding


def test_recorded_softplus(recorded):
    wanted = recorded("functions")
    x = torch.from_numpy(wanted["soft_x"]).requires_grad_()
    y = softplus(x)
    y.sum().backward()
    # from 88.75 on the original overflows; below -17 it is 0, where this is exp(x)
    finite = np.isfinite(wanted["soft_y"])
    assert np.count_nonzero(~finite) > 0
    np.testing.assert_allclose(y.detach().numpy()[finite], wanted["soft_y"][finite], rtol=1e-6, atol=1e-7)
    finite = wanted["soft_x"] < 87  # above, the original's gradient becomes 0 and then NaN
    np.testing.assert_allclose(x.grad.numpy()[finite], wanted["soft_grad"][finite], rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize("value", [79.0, 81.0, 88.75, 100.0, 1e30])
def test_softplus_does_not_overflow(value):
    x = torch.tensor(value, dtype=torch.float32, requires_grad=True)
    y = softplus(x)
    y.backward()
    assert y.item() == x.item()
    assert x.grad.item() == 1


@pytest.mark.parametrize("value", [-700.0, -40.0, 0.0, 21.0, 30.0])
def test_softplus_is_exact_in_double_precision(value):
    found = softplus(torch.tensor(value, dtype=torch.float64)).item()
    assert found == pytest.approx(np.log1p(np.exp(value)), rel=1e-15, abs=0)


def test_activations():
    x = torch.tensor([-1.0, 0.0, 2.0])
    assert set(ACTIVATIONS) == {"soft", "relu", "none"}
    torch.testing.assert_close(ACTIVATIONS["soft"](x), torch.log1p(torch.exp(x)))
    torch.testing.assert_close(ACTIVATIONS["relu"](x), torch.tensor([0.0, 0.0, 2.0]))
    torch.testing.assert_close(ACTIVATIONS["none"](x), x)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "wanted"),
    [
        (15, 13, 1, (6, 6)),
        (15, 6, 1, (2, 3)),
        (20, 4, 1, (1, 2)),
        (20, 6, 2, (2, 2)),
        (15, 6, 2, (2, 3)),
        (20, 5, 2, (1, 2)),
    ],
)
def test_recorded_same_padding(size, kernel, stride, wanted):
    assert same_padding(size, kernel, stride, rate=1) == wanted


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("rate", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_convolution_is_a_plain_cross_correlation(size, stride, rate, padding):
    rng = np.random.default_rng(0)
    maps, kernel = rng.normal(size=(2, 3, 11, 12)), rng.normal(size=(4, 3, size, size))
    found = convolve(torch.from_numpy(maps), torch.from_numpy(kernel), stride, rate, padding).numpy()

    reach = (size - 1) * rate + 1
    if padding == "SAME":
        sides = [same_padding(extent, size, stride, rate) for extent in maps.shape[2:]]
        maps = np.pad(maps, [(0, 0), (0, 0), *sides])
    windows = np.lib.stride_tricks.sliding_window_view(maps, (reach, reach), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride, ::rate, ::rate]
    np.testing.assert_allclose(found, np.einsum("bihwyx,oiyx->bohw", windows, kernel), atol=1e-12)
    assert found.shape[2:] == tuple(convolved_size(extent, size, stride, rate, padding) for extent in (11, 12))
    if padding == "SAME":
        assert found.shape[2:] == (-(-11 // stride), -(-12 // stride))


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("groups", [1, 4])
def test_batch_norm_normalises_and_averages(double, groups, fused, scale):
    rng = np.random.default_rng(0)
    norm = BatchNorm(3, groups=groups, decay=0.9, scale=scale, fused=fused)
    beta, gamma, mean, variance = rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), rng.gamma(1.0, size=3)
    start = {"beta": beta, "moving_mean": mean, "moving_variance": variance} | ({"gamma": gamma} if scale else {})
    norm.load_state_dict({name: torch.from_numpy(array) for name, array in start.items()})
    maps = rng.normal(1, 2, size=(5, groups * 3, 4, 6))

    by_feature = maps.reshape(5, groups, 3, 4, 6).transpose(2, 0, 1, 3, 4).reshape(3, -1)
    batch_mean, batch_variance = by_feature.mean(axis=1), by_feature.var(axis=1)

    def normed(mean, variance):
        shaped = [
            np.tile(values, groups)[:, None, None] for values in (mean, variance, gamma if scale else [1] * 3, beta)
        ]
        return (maps - shaped[0]) / np.sqrt(shaped[1] + 1e-3) * shaped[2] + shaped[3]

    norm.eval()
    np.testing.assert_allclose(norm(torch.from_numpy(maps)).detach(), normed(mean, variance), atol=1e-12)
    np.testing.assert_array_equal(norm.moving_mean, mean)
    norm.train()
    np.testing.assert_allclose(norm(torch.from_numpy(maps)).detach(), normed(batch_mean, batch_variance), atol=1e-12)
    fed = by_feature.var(axis=1, ddof=1 if fused else 0)
    # the decay is rounded to single precision
    np.testing.assert_allclose(norm.moving_mean, 0.9 * mean + 0.1 * batch_mean, rtol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, 0.9 * variance + 0.1 * fed, rtol=1e-6)


@pytest.mark.parametrize("scale", [True, False])
def test_batch_norm_is_always_given_a_scale(double, monkeypatch, scale):
    """The kernels for CUDA take the shape of beta's gradient from gamma, and fail where there is none."""
    given = []
    plain = F.batch_norm
    monkeypatch.setattr(F, "batch_norm", lambda *arguments: given.append(arguments[3]) or plain(*arguments))
    norm = BatchNorm(3, groups=1, decay=0.9, scale=scale, fused=True)
    norm(torch.ones(2, 3, 4, 5))
    assert len(given) == 1
    torch.testing.assert_close(given[0].detach(), torch.ones(3))
    assert given[0].requires_grad == scale
    assert ("gamma" in norm.state_dict()) == scale


def test_reset_batch_norm(double):
    norm = BatchNorm(3, groups=1, decay=0.9, scale=True, fused=True)
    fresh = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    norm(torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        norm.beta.add_(1)
        norm.gamma.add_(1)
    assert all(not torch.equal(tensor, fresh[name]) for name, tensor in norm.state_dict().items())
    norm.reset()
    torch.testing.assert_close(norm.state_dict(), fresh, rtol=0, atol=0)
