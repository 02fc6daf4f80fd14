"""The optimisers that a training may use, by name."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from models.adam import TensorFlowAdam

OPTIMIZERS = ("adam", "adamw")


def optimizer_named(name: str, parameters: Iterable[Tensor], weight_decay: float) -> torch.optim.Optimizer:
    """'adam': TensorFlow's form of Adam, which the paper used; 'adamw': PyTorch's own AdamW, with weight decay.

    On a GPU either keeps all that changes from step to step on the device, as a captured step needs it.
    """
    if name == "adamw":
        listed = list(parameters)
        on_cuda = listed[0].is_cuda
        lr = listed[0].new_zeros(()) if on_cuda else 0.0
        return torch.optim.AdamW(listed, lr=lr, weight_decay=weight_decay, capturable=on_cuda)
    if name != "adam":
        raise ValueError(f"optimizer is {name!r}; allowed are {str(OPTIMIZERS)[1:-1]}")
    if weight_decay:
        raise ValueError(f"weight_decay is {weight_decay:g}; optimizer 'adam' has none, 'adamw' does")
    return TensorFlowAdam(parameters, lr=0.0)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the steps to come; where it is a tensor, the tensor stays and takes the value."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
