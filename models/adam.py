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
    """w -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon).

    The learning rate and t are tensors beside the parameters, so that a step needs nothing from the host. All
    parameters that have a gradient share t, as in TensorFlow.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})
        for group in self.param_groups:
            group["lr"] = group["params"][0].new_full((), lr)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            for p in parameters:
                if not self.state[p]:
                    self.state[p] = {"count": p.new_zeros(()), "m": torch.zeros_like(p), "v": torch.zeros_like(p)}
            if parameters:
                self._update(parameters, group["lr"])
        return loss

    def _update(self, parameters: list[Tensor], lr: Tensor) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        counts, m, v = ([self.state[p][name] for p in parameters] for name in ("count", "m", "v"))
        torch._foreach_add_(counts, 1)
        torch._foreach_lerp_(m, gradients, 1 - BETA1)
        torch._foreach_mul_(v, BETA2)
        torch._foreach_addcmul_(v, gradients, gradients, 1 - BETA2)
        denominators = torch._foreach_sqrt(v)
        torch._foreach_add_(denominators, EPSILON)
        t = counts[0]
        # expm1 loses no digits where beta^t is next to 1, in single precision either
        correction1, correction2 = (-torch.expm1(t * math.log(beta)) for beta in (BETA1, BETA2))
        torch._foreach_mul_(denominators, -correction1 / (lr * correction2.sqrt()))
        torch._foreach_addcdiv_(parameters, m, denominators)
