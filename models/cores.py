"""The cores: stacks of convolution, batch norm and activation that all neurons of a recording share.

Both cores differ only in where their kernels come from. Channels of the rotation-equivariant core are
rotation-major: channel = rotation * num_filters + filter.
Source: Ecker et al., ICLR 2019, sections 3.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from models.kernels import PlainKernel, RotatedHermiteKernel
from models.layers import ACTIVATIONS, BatchNorm, convolve
from models.padding import PADDINGS, convolved_size, same_padding
from models.penalties import group_sparsity, smoothness
from models.start_values import truncated_normal_


class Layer(nn.Module):
    """Convolution without bias, batch norm, activation; and the weights of its kernel's penalties."""

    def __init__(
        self,
        kernel: PlainKernel | RotatedHermiteKernel,
        norm: BatchNorm,
        *,
        stride: int,
        rate: int,
        padding: str,
        activation_fn: str,
        smooth_weight: float,
        sparse_weight: float,
    ) -> None:
        super().__init__()
        if padding not in PADDINGS:
            raise ValueError(f"padding is {padding!r}; allowed are {str(PADDINGS)[1:-1]}")
        if activation_fn not in ACTIVATIONS:
            raise ValueError(f"activation_fn is {activation_fn!r}; allowed are {str(tuple(ACTIVATIONS))[1:-1]}")
        self.kernel, self.norm = kernel, norm
        self.stride, self.rate, self.padding, self.activation_fn = stride, rate, padding, activation_fn
        self.smooth_weight, self.sparse_weight = smooth_weight, sparse_weight

    def forward(self, maps: Tensor, kernel: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation_fn](self.norm(convolve(maps, kernel, self.stride, self.rate, self.padding)))

    def output_size(self, size: int) -> int:
        return convolved_size(size, self.kernel.filter_size, self.stride, self.rate, self.padding)

    def penalty(self, kernel: Tensor) -> Tensor:
        return self.smooth_weight * smoothness(kernel) + self.sparse_weight * group_sparsity(kernel)


class StackedCore(nn.Module):
    """A stack of layers: images (batch, 1, height, width) to maps (batch, channels, height, width).

    `first_scope` is the number of the first layer in the names of the original's variables.
    """

    first_scope: int
    layers: Sequence[Layer]

    def __init__(self, layers: Sequence[Layer], channels: int) -> None:
        super().__init__()
        self.layers = cast(Sequence[Layer], nn.ModuleList(layers))
        self.channels, self.frozen = channels, False

    def freeze(self) -> None:
        """From now on nothing trains it: no gradients, and batch norm with its moving averages."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> StackedCore:
        return super().train(mode and not self.frozen)

    def kernels(self) -> list[Tensor]:
        """The kernel (out, in, k, k) of each layer, with all rotations."""
        return [layer.kernel() for layer in self.layers]

    def forward(self, images: Tensor, kernels: list[Tensor] | None = None) -> Tensor:
        """The maps; `kernels` saves building them again where they are at hand."""
        maps = images
        for layer, kernel in zip(self.layers, kernels or self.kernels(), strict=True):
            maps = layer(maps, kernel)
        return maps

    def regularizer(self, kernels: list[Tensor] | None = None) -> Tensor:
        """Sum over layers of the weighted smoothness and group sparsity of the kernels."""
        pairs = zip(self.layers, kernels or self.kernels(), strict=True)
        return torch.stack([layer.penalty(kernel) for layer, kernel in pairs]).sum()

    def output_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """(channels, height, width) of the maps for images of that size."""
        for layer in self.layers:
            height, width = layer.output_size(height), layer.output_size(width)
        return self.channels, height, width

    def centres(self, size: int) -> np.ndarray:
        """The pixel, along an axis of `size` pixels of the image, over which each pixel of the maps lies.

        Between two pixels, where kernels are of even size, it is the one before.
        """
        centres = np.arange(size, dtype=float)
        for layer in self.layers:
            reach = (layer.kernel.filter_size - 1) * layer.rate + 1
            before = same_padding(len(centres), layer.kernel.filter_size, layer.stride, layer.rate)[0]
            first = (reach - 1) / 2 - (before if layer.padding == "SAME" else 0)
            at = first + layer.stride * np.arange(layer.output_size(len(centres)))
            centres = np.interp(at, np.arange(len(centres)), centres)
        return np.floor(centres).astype(int)

    def initialize(self, generator: torch.Generator) -> None:
        """Truncated normal weights (0.1 for Hermite coefficients, 0.01 for kernels), batch norm at rest."""
        for layer in self.layers:
            truncated_normal_(layer.kernel.weights, layer.kernel.start_sd, generator)
            layer.norm.reset()


class StackedConv2dCore(StackedCore):
    """Ordinary convolutions; batch norm without scale and with a decay of 0.98. One value a layer in each list."""

    first_scope = 0

    def __init__(
        self,
        *,
        filter_size: Sequence[int],
        num_filters: Sequence[int],
        stride: Sequence[int],
        rate: Sequence[int],
        padding: Sequence[str],
        activation_fn: Sequence[str],
        rel_smooth_weight: Sequence[float],
        rel_sparse_weight: Sequence[float],
        conv_smooth_weight: float,
        conv_sparse_weight: float,
    ) -> None:
        layers = []
        columns = (filter_size, num_filters, stride, rate, padding, activation_fn, rel_smooth_weight, rel_sparse_weight)
        num_inputs = 1
        for size, filters, step, dilation, pad, activation, smooth, sparse in zip(*columns, strict=True):
            layers.append(
                Layer(
                    PlainKernel(size, num_inputs, filters),
                    BatchNorm(filters, groups=1, decay=0.98, scale=False, fused=True),
                    stride=step,
                    rate=dilation,
                    padding=pad,
                    activation_fn=activation,
                    smooth_weight=conv_smooth_weight * smooth,
                    sparse_weight=conv_sparse_weight * sparse,
                )
            )
            num_inputs = filters
        super().__init__(layers, num_inputs)
        self.initialize(torch.Generator().manual_seed(0))


class StackedRotEquiHermiteConv2dCore(StackedCore):
    """Rotation-equivariant convolutions with kernels in a Hermite basis. One value a layer in each list.

    Batch norm has a decay of 0.9 and a scale in all layers but the last; with `shared_biases` the rotations of
    a filter share it. `fused_bn` tells whether the original used TensorFlow's fused kernel (see `BatchNorm`);
    by default it did, but for shared biases, for which TensorFlow 1 had none.
    """

    first_scope = 1

    def __init__(
        self,
        *,
        num_rotations: int,
        upsampling: int,
        shared_biases: bool,
        filter_size: Sequence[int],
        num_filters: Sequence[int],
        stride: Sequence[int],
        rate: Sequence[int],
        padding: Sequence[str],
        activation_fn: Sequence[str],
        rel_smooth_weight: Sequence[float],
        rel_sparse_weight: Sequence[float],
        conv_smooth_weight: float,
        conv_sparse_weight: float,
        fused_bn: bool | None = None,
    ) -> None:
        layers: list[Layer] = []
        columns = (filter_size, num_filters, stride, rate, padding, activation_fn, rel_smooth_weight, rel_sparse_weight)
        num_inputs = 1
        for size, filters, step, dilation, pad, activation, smooth, sparse in zip(*columns, strict=True):
            kernel = RotatedHermiteKernel(
                size, num_inputs, filters, num_rotations=num_rotations, upsampling=upsampling, first=not layers
            )
            norm = BatchNorm(
                filters * (1 if shared_biases else num_rotations),
                groups=num_rotations if shared_biases else 1,
                decay=0.9,
                scale=len(layers) < len(num_filters) - 1,
                fused=not shared_biases if fused_bn is None else fused_bn,
            )
            layers.append(
                Layer(
                    kernel,
                    norm,
                    stride=step,
                    rate=dilation,
                    padding=pad,
                    activation_fn=activation,
                    smooth_weight=conv_smooth_weight * smooth,
                    sparse_weight=conv_sparse_weight * sparse,
                )
            )
            num_inputs = filters * num_rotations
        super().__init__(layers, num_inputs)
        self.num_rotations = num_rotations
        self.initialize(torch.Generator().manual_seed(0))
