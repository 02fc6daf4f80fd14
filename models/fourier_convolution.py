"""Convolution by way of the Fourier domain, on a CPU, to rounding the same as the direct one and closer to the truth.

All transforms are matrix products: tiles are small, and all maps of a pixel lie side by side (channels last). Spectra
are pairs of real tensors, (frequencies, tiles, maps) of maps and (frequencies, inputs, outputs) of kernels.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.fourier_matrices import half_inverse, half_transform, matrix, whole_inverse, whole_transform
from models.tiling import Tiling

Spectra = tuple[Tensor, Tensor]  # real and imaginary part
TILES_AT_ONCE = 96  # enough for the products of matrices, few enough to stay in the cache


def correlate(maps: Tensor, kernel: Tensor, before: tuple[int, int], tiling: Tiling) -> Tensor:
    """Cross-correlate maps (batch, in, height, width) with a kernel (out, in, k, k); the result is channels last.

    before: zeros above and left of the maps; below and right there are as many as the tiling's size asks for.
    """
    return _Correlation.apply(maps, kernel, before, tiling)


class _Correlation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, kernel: Tensor, before: tuple[int, int], tiling: Tiling) -> Tensor:
        ctx.save_for_backward(maps, kernel)  # not the spectra: they take twice the memory, and little time
        ctx.before, ctx.tiling = before, tiling
        (height, width), spectra = tiling.size, _of_kernel(tiling, kernel)
        found = maps.new_empty(len(maps), height, width, len(kernel))
        for part, result in zip(_parts(maps, tiling), _parts(found, tiling), strict=True):
            result.copy_(_correlate(tiling, _padded(_last(part), before, tiling.covered), spectra)[:, :height, :width])
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (maps, kernel), tiling, (top, left) = ctx.saved_tensors, ctx.tiling, ctx.before
        spectra = _of_kernel(tiling, kernel)
        of_kernel = torch.zeros_like(spectra[0]), torch.zeros_like(spectra[1])
        of_maps = torch.empty_like(_last(maps), memory_format=torch.contiguous_format)
        parts = (_parts(array, tiling) for array in (maps, gradients[0], of_maps))
        for part, gradient, result in zip(*parts, strict=True):
            seen = _of_tiles(tiling, _padded(_last(gradient), (0, 0), tiling.given), tiling.step)
            if ctx.needs_input_grad[1]:
                _add_of_kernel(tiling, _padded(_last(part), (top, left), tiling.covered), seen, of_kernel)
            if ctx.needs_input_grad[0]:
                spread = _spread(tiling, seen, spectra, len(part))
                result.copy_(spread[:, top : top + maps.shape[2], left : left + maps.shape[3]])
        return (
            of_maps.permute(0, 3, 1, 2) if ctx.needs_input_grad[0] else None,
            _kernel(tiling, of_kernel) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


def _correlate(tiling: Tiling, maps: Tensor, kernel: Spectra) -> Tensor:
    """(batch, *given, out) of padded maps: the conjugate kernel times the maps, frequency by frequency."""
    (ny, nx), (sy, sx), num_outputs = tiling.count, tiling.step, kernel[0].shape[2]
    real, imaginary = _of_tiles(tiling, maps, tiling.tile)
    products = (
        torch.bmm(real, kernel[0]).baddbmm_(imaginary, kernel[1]),
        torch.bmm(imaginary, kernel[0]).baddbmm_(real, kernel[1], alpha=-1),
    )
    rows = _columns_back(tiling, products, sy).view(-1, 2 * tiling.half, num_outputs)
    tiles = _times(matrix(half_inverse, tiling.tile[1], sx, maps.dtype), rows)
    pixels = tiles.view(ny, nx, len(maps), sy, sx, num_outputs).permute(2, 0, 3, 1, 4, 5)
    return pixels.reshape(len(maps), *tiling.given, num_outputs)


def _spread(tiling: Tiling, gradient: Spectra, kernel: Spectra, batch: int) -> Tensor:
    """(batch, *covered, in): the kernel times the gradient; where tiles overlap, they add up."""
    (ny, nx), (sy, sx), (ty, tx), (height, width) = tiling.count, tiling.step, tiling.tile, tiling.covered
    num_inputs = kernel[0].shape[1]
    products = (
        torch.bmm(gradient[0], kernel[0].mT).baddbmm_(gradient[1], kernel[1].mT, alpha=-1),
        torch.bmm(gradient[0], kernel[1].mT).baddbmm_(gradient[1], kernel[0].mT),
    )
    rows = _columns_back(tiling, products, ty).view(ny, nx * batch, ty, 2 * tiling.half * num_inputs)
    high = rows.new_zeros(nx * batch, height, rows.shape[3])
    for y in range(ny):
        high[:, y * sy : y * sy + ty] += rows[y]
    inverse = matrix(half_inverse, tx, tx, rows.dtype)
    tiles = _times(inverse, high.view(-1, 2 * tiling.half, num_inputs)).view(nx, batch, height, tx, num_inputs)
    pixels = tiles.new_zeros(batch, height, width, num_inputs)
    for x in range(nx):
        pixels[:, :, x * sx : x * sx + tx] += tiles[x]
    return pixels


def _add_of_kernel(tiling: Tiling, maps: Tensor, gradient: Spectra, total: Spectra) -> None:
    """Add the maps times the conjugate gradient, summed over tiles."""
    real, imaginary = _of_tiles(tiling, maps, tiling.tile)
    total[0].baddbmm_(real.mT, gradient[0]).baddbmm_(imaginary.mT, gradient[1])
    total[1].baddbmm_(imaginary.mT, gradient[0]).baddbmm_(real.mT, gradient[1], alpha=-1)


def _of_tiles(tiling: Tiling, maps: Tensor, pixels: tuple[int, int]) -> Spectra:
    """Of the tiles (y, x, image) of maps (batch, height, width, channels); so many pixels of each, and zeros behind."""
    batch, height, width, channels = maps.shape
    (ny, nx), (sy, sx), (ty, tx), half = tiling.count, tiling.step, tiling.tile, tiling.half
    along_x = maps.new_empty(nx, batch * height, 2 * half, channels)
    for x in range(nx):
        tiles = maps.as_strided(
            (batch * height, pixels[1], channels), (width * channels, channels, 1), x * sx * channels
        )
        _times(matrix(half_transform, tx, pixels[1], maps.dtype), tiles, out=along_x[x])
    both = maps.new_empty(ny, nx * batch, 2 * ty, half * channels)
    row = 2 * half * channels  # numbers
    for y in range(ny):
        strides = (height * row, half * channels, 1)
        tiles = along_x.as_strided((nx * batch, 2 * pixels[0], half * channels), strides, y * sy * row)
        _times(matrix(whole_transform, ty, pixels[0], maps.dtype), tiles, out=both[y])
    real, imaginary = both.view(ny * nx * batch, 2, tiling.frequencies, channels).permute(1, 2, 0, 3).unbind()
    return real, imaginary


def _columns_back(tiling: Tiling, spectra: Spectra, num_rows: int) -> Tensor:
    """(tiles, rows, 2 half, channels): the first rows of each tile, whose columns are transformed back."""
    frequencies, tiles, channels = spectra[0].shape
    both = spectra[0].new_empty(tiles, 2, frequencies, channels)
    for part, spectrum in zip(both.unbind(dim=1), spectra, strict=True):
        part.copy_(spectrum.transpose(0, 1))
    columns = both.view(tiles, 2 * tiling.tile[0], tiling.half * channels)
    rows = _times(matrix(whole_inverse, tiling.tile[0], num_rows, both.dtype), columns)
    return rows.view(tiles, num_rows, 2 * tiling.half, channels)


def _of_kernel(tiling: Tiling, kernel: Tensor) -> Spectra:
    (ty, tx), (ky, kx) = tiling.tile, tiling.kernel
    num_outputs, num_inputs = kernel.shape[:2]
    pixels = kernel.permute(2, 3, 1, 0).reshape(ky, kx, num_inputs * num_outputs)
    along_x = _times(matrix(half_transform, tx, kx, kernel.dtype), pixels)
    both = matrix(whole_transform, ty, ky, kernel.dtype) @ along_x.view(2 * ky, -1)
    real, imaginary = both.view(2, tiling.frequencies, num_inputs, num_outputs).unbind()
    return real, imaginary


def _kernel(tiling: Tiling, spectra: Spectra) -> Tensor:
    """(out, in, k, k), from the spectra of a gradient."""
    (ty, tx), (ky, kx) = tiling.tile, tiling.kernel
    num_inputs, num_outputs = spectra[0].shape[1:]
    both = torch.stack(spectra).view(2 * ty, -1)
    along_x = (matrix(whole_inverse, ty, ky, both.dtype) @ both).view(ky, 2 * tiling.half, -1)
    pixels = _times(matrix(half_inverse, tx, kx, both.dtype), along_x)
    return pixels.view(ky, kx, num_inputs, num_outputs).permute(3, 2, 0, 1)


def _times(factor: Tensor, batch: Tensor, out: Tensor | None = None) -> Tensor:
    """One matrix times each of many."""
    return torch.bmm(factor.expand(len(batch), -1, -1), batch, out=out)


def _parts(array: Tensor, tiling: Tiling) -> tuple[Tensor, ...]:
    """A few images at a time."""
    return array.split(max(1, TILES_AT_ONCE // (tiling.count[0] * tiling.count[1])))


def _last(maps: Tensor) -> Tensor:
    """(batch, height, width, channels)."""
    return maps.permute(0, 2, 3, 1)


def _padded(maps: Tensor, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Maps (batch, height, width, channels) with zeros around, in one piece of memory of their own."""
    (top, left), (height, width) = before, maps.shape[1:3]
    after = size[0] - top - height, size[1] - left - width
    return F.pad(maps, (0, 0, left, after[1], top, after[0])).contiguous()
