"""Convolutions by way of the Fourier domain, against direct ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from models.fourier_convolution import TILES_AT_ONCE, correlate
from models.layers import convolve
from models.tiling import Tiling, worthwhile

SIZES = [(36, 64), (17, 23), (5, 40)]
KERNELS = [(5, 5), (4, 6), (3, 1)]


def arrays(size, kernel, batch=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = (batch, 3, size[0] + kernel[0] - 1, size[1] + kernel[1] - 1), (4, 3, *kernel), (batch, 4, *size)
    maps, weights, gradient = (torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
    return maps.requires_grad_(), weights.requires_grad_(), gradient


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("count", [(1, 1), (2, 3), (5, 4)])
def test_values_and_gradients_are_those_of_direct_ones(size, kernel, count):
    maps, weights, gradient = arrays(size, kernel)
    found, wanted = correlate(maps, weights, (0, 0), Tiling(size, kernel, count)), F.conv2d(maps, weights)
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-11)
    pairs = (torch.autograd.grad(result, (maps, weights), gradient) for result in (found, wanted))
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_zeros_above_and_left_as_many_as_asked_for():
    maps, weights, _ = arrays((10, 12), (5, 5))  # 14 x 16 pixels
    found = correlate(maps, weights, (3, 1), Tiling((14, 16), (5, 5), (2, 2)))
    torch.testing.assert_close(found, F.conv2d(F.pad(maps, (1, 3, 3, 1)), weights), rtol=1e-11, atol=1e-11)


def test_images_do_not_depend_on_how_many_there_are():
    batch = TILES_AT_ONCE + 1  # more than are taken at once
    maps, weights, _ = arrays((6, 6), (3, 3), batch)
    tiling = Tiling((6, 6), (3, 3), (2, 2))
    alone = torch.cat([correlate(image[None], weights, (0, 0), tiling) for image in maps])
    torch.testing.assert_close(correlate(maps, weights, (0, 0), tiling), alone, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("which", [0, 1])
def test_gradient_of_one_argument_alone(which):
    given = arrays((12, 12), (5, 5))
    given[1 - which].requires_grad_(False)
    found = correlate(*given[:2], (0, 0), Tiling((12, 12), (5, 5), (2, 1)))
    (gradient,) = torch.autograd.grad(found, given[which], given[2])
    (wanted,) = torch.autograd.grad(F.conv2d(*given[:2]), given[which], given[2])
    torch.testing.assert_close(gradient, wanted, rtol=1e-11, atol=1e-11)


def test_a_second_derivative_is_refused():
    maps, weights, gradient = arrays((12, 12), (5, 5))
    found = correlate(maps, weights, (0, 0), Tiling((12, 12), (5, 5), (2, 1)))
    (first,) = torch.autograd.grad(found, maps, gradient.requires_grad_(), create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("filter_size", [5, 6])
def test_wide_layers_are_transformed_and_as_exact_as_direct_ones(padding, filter_size):
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(2, 64, 36, 64, generator=generator)
    kernel = torch.randn(64, 64, filter_size, filter_size, generator=generator)
    size = (36, 64) if padding == "SAME" else (37 - filter_size, 65 - filter_size)
    assert worthwhile(size, (filter_size, filter_size), 64, 64)
    around = [(filter_size - 1) // 2, filter_size // 2] * 2 if padding == "SAME" else [0] * 4
    padded = F.pad(maps, around)
    truth, direct = F.conv2d(padded.double(), kernel.double()), F.conv2d(padded, kernel)
    found = convolve(maps, kernel, 1, 1, padding)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - truth).abs().max() < 2 * (direct - truth).abs().max()


def test_what_is_narrow_or_small_is_not_transformed():
    assert worthwhile((36, 64), (13, 13), 1, 128) is None
    assert worthwhile((16, 16), (5, 5), 16, 16) is None


@pytest.mark.parametrize("size", SIZES)
def test_the_tiling_is_the_cheapest(size):
    best = worthwhile(size, (5, 5), 256, 256)
    others = [Tiling(size, (5, 5), (ny, nx)) for ny in range(1, 5) for nx in range(1, 5)]
    assert all(best.cost(256, 256) <= other.cost(256, 256) for other in others)
    assert all(given >= pixels for given, pixels in zip(best.given, size, strict=True))
