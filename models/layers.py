"""What the layers of both cores are made of: convolution, batch norm and activation as TensorFlow has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.fourier_convolution import correlate
from models.padding import convolved_size, same_padding
from models.tiling import worthwhile

EPSILON = 1e-3  # tf.contrib.layers.batch_norm's default, used by every core of the original


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), without the overflow at 88.7 that the original has in float32."""
    return F.softplus(x, threshold=80)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"soft": softplus, "relu": F.relu, "none": lambda x: x}


def convolve(maps: Tensor, kernel: Tensor, stride: int, rate: int, padding: str) -> Tensor:
    """Cross-correlate maps (batch, in, height, width) with a kernel (out, in, k, k).

    On a CPU the result is channels last, which is what convolves, transforms and normalises fastest there, and so it is
    on a GPU whose tensor cores multiply.
    """
    (num_outputs, num_inputs), (height, width) = kernel.shape[:2], maps.shape[2:]
    (top, bottom), (left, right) = (
        same_padding(size, kernel.shape[2], stride, rate) if padding == "SAME" else (0, 0) for size in (height, width)
    )
    mixed = torch.is_autocast_enabled(maps.device.type)
    if maps.is_cpu and not mixed and not torch.compiler.is_exporting():
        size = (
            convolved_size(height, kernel.shape[2], 1, 1, padding),
            convolved_size(width, kernel.shape[3], 1, 1, padding),
        )
        tiling = worthwhile(size, (kernel.shape[2], kernel.shape[3]), num_inputs, num_outputs)
        if tiling is not None and stride == rate == 1:
            return correlate(maps, kernel, (top, left), tiling)
    on_tensor_cores = maps.is_cuda and (mixed or torch.backends.cudnn.allow_tf32)
    if (maps.is_cpu or on_tensor_cores) and not torch.compiler.is_exporting():
        kernel = kernel.to(memory_format=torch.channels_last)  # and so become the maps
    if (top, left) != (bottom, right):
        maps, top, left = F.pad(maps, (left, right, top, bottom)), 0, 0
    return F.conv2d(maps, kernel, stride=stride, dilation=rate, padding=(top, left))


class BatchNorm(nn.Module):
    """Batch norm of maps (batch, groups * features, height, width), statistics shared over the groups.

    Normalises by the batch's biased variance. The moving variance takes the unbiased one where TensorFlow 1
    used its fused kernel (`fused`), the biased one elsewhere. `gamma` is fixed at 1 where `scale` is False.
    """

    beta: Tensor
    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(self, features: int, *, groups: int, decay: float, scale: bool, fused: bool) -> None:
        super().__init__()
        self.features, self.groups, self.fused = features, groups, fused
        # what the original multiplies by is rounded to single precision, in a model of any precision
        self.momentum = 1 - float(np.float32(decay)) if fused else float(np.float32(1 - decay))
        self.beta = nn.Parameter(torch.zeros(features))
        self.gamma = nn.Parameter(torch.ones(features)) if scale else None
        self.register_buffer("moving_mean", torch.zeros(features))
        self.register_buffer("moving_variance", torch.ones(features))

    def reset(self) -> None:
        """Back to the start: beta 0, gamma 1, moving mean 0 and variance 1."""
        with torch.no_grad():
            self.beta.zero_()
            self.moving_mean.zero_()
            self.moving_variance.fill_(1)
            if self.gamma is not None:
                self.gamma.fill_(1)

    def forward(self, maps: Tensor) -> Tensor:
        # (batch, groups * features, height, width) -> (batch * groups, features, height, width)
        folded = maps if self.groups == 1 else maps.reshape(-1, self.features, *maps.shape[2:])
        unbiased = self.moving_variance if self.fused else self.moving_variance.clone()
        # without a scale, PyTorch has no gradient of beta on a GPU
        gamma = torch.ones_like(self.beta) if self.gamma is None else self.gamma
        normed = F.batch_norm(
            folded, self.moving_mean, unbiased, gamma, self.beta, self.training, self.momentum, EPSILON
        )
        if self.training and not self.fused:
            n = folded.numel() // self.features
            with torch.no_grad():
                carried = (1 - self.momentum) * self.moving_variance
                self.moving_variance.copy_(carried + (unbiased - carried) * (n - 1) / n)
        return normed.reshape(maps.shape)
