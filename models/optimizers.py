"""The optimisers that a training may use, by name."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from models.adam import TensorFlowAdam

OPTIMIZERS = ("adam", "adamw")


def optimizer_named(name: str, parameters: Iterable[Tensor], weight_decay: float) -> torch.optim.Optimizer:
    """'adam': TensorFlow's form of Adam, which the paper used; 'adamw': PyTorch's own AdamW, with weight decay."""
    if name == "adamw":
        return torch.optim.AdamW(parameters, lr=0.0, weight_decay=weight_decay)
    if name != "adam":
        raise ValueError(f"optimizer is {name!r}; allowed are {str(OPTIMIZERS)[1:-1]}")
    if weight_decay:
        raise ValueError(f"weight_decay is {weight_decay:g}; optimizer 'adam' has none, 'adamw' does")
    return TensorFlowAdam(parameters, lr=0.0)
