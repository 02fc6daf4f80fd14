"""Adam as TensorFlow has it: epsilon is added to the root of the uncorrected second moment.

The form is that of Kingma & Ba, 2015, end of section 2 ("epsilon hat"). It matters for small gradients, above
all those of the masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class TensorFlowAdam(torch.optim.Optimizer):
    """w -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            for p in parameters:
                if not self.state[p]:
                    self.state[p] = {"step": 0, "m": torch.zeros_like(p), "v": torch.zeros_like(p)}
                self.state[p]["step"] += 1
            if parameters:
                self._update(parameters, group["lr"])
        return loss

    def _update(self, parameters: list[Tensor], lr: float) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        m = [self.state[p]["m"] for p in parameters]
        v = [self.state[p]["v"] for p in parameters]
        torch._foreach_lerp_(m, gradients, 1 - BETA1)
        torch._foreach_mul_(v, BETA2)
        torch._foreach_addcmul_(v, gradients, gradients, 1 - BETA2)
        denominators = torch._foreach_sqrt(v)
        torch._foreach_add_(denominators, EPSILON)
        steps = [self.state[p]["step"] for p in parameters]
        rates = [-lr * math.sqrt(1 - BETA2**t) / (1 - BETA1**t) for t in steps]
        torch._foreach_addcdiv_(parameters, m, denominators, rates)
