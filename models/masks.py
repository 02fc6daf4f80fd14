"""What the masks of neurons let through of the maps, as products of matrices as they lie in memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def through_masks(maps: Tensor, masks: Tensor) -> Tensor:
    """(batch, neurons, channels): maps (batch, channels, height, width), weighed with masks (neurons, height, width).

    On a CPU the maps are channels last, and stay so in their gradient; batch norm is slow where the two differ.
    """
    mixed = torch.is_autocast_enabled(maps.device.type)
    if maps.is_cpu and not mixed and not torch.compiler.is_exporting():
        return _ThroughMasks.apply(maps.permute(0, 2, 3, 1).flatten(1, 2), masks.flatten(1))
    return (maps.flatten(2) @ masks.flatten(1).T).mT


class _ThroughMasks(torch.autograd.Function):
    """Pixels (batch, pixels, channels) and masks (neurons, pixels), image by image."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, masks: Tensor) -> Tensor:
        ctx.save_for_backward(pixels, masks)
        return torch.bmm(masks.expand(len(pixels), -1, -1), pixels)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (pixels, masks), (gradient,) = ctx.saved_tensors, gradients
        of_masks = None
        if ctx.needs_input_grad[1]:
            of_masks = torch.zeros_like(masks)
            for seen, image in zip(gradient, pixels, strict=True):
                of_masks.addmm_(seen, image.mT)
        of_pixels = torch.bmm(masks.mT.expand(len(pixels), -1, -1), gradient) if ctx.needs_input_grad[0] else None
        return of_pixels, of_masks
