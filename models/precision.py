"""What a training computes in: the precision of its weights, and that of its products.

Weights, the averages of batch norm, penalties, loss and optimiser are always of the parameters' precision, and so are
predictions and scores, so that those of two trainings can be compared. In a step, convolutions and products of maps and
masks may be coarser, and with TF32 also those by which gradients reach coefficients and penalties.
Source: Micikevicius et al., ICLR 2018, "Mixed precision training".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Precision:
    """dtype: of the parameters. products: of convolutions and products of matrices in a step; None for the same.

    tf32: whether a GPU rounds what single precision multiplies to 10 bits; a CPU does not.
    """

    dtype: torch.dtype
    products: torch.dtype | None = None
    tf32: bool = False

    @contextmanager
    def settings(self, device: torch.device) -> Iterator[None]:
        """While it is open, PyTorch multiplies single precision on this device as this precision has it."""
        if device.type != "cuda":
            yield
            return
        backends: list[Any] = [torch.backends.cudnn, torch.backends.cuda.matmul]
        before = [backend.allow_tf32 for backend in backends]
        try:
            for backend in backends:
                backend.allow_tf32 = self.tf32
            yield
        finally:
            for backend, allowed in zip(backends, before, strict=True):
                backend.allow_tf32 = allowed

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """While it is open, products are of `products`; for the model's maps and rates alone, not for penalties."""
        if self.products is None:
            return nullcontext()
        # nothing is cast twice in a step, and a cache would keep what a captured step must make anew
        return torch.autocast(device.type, self.products, cache_enabled=False)


PRECISIONS = {
    "float32": Precision(torch.float32),
    "float64": Precision(torch.float64),
    "tf32": Precision(torch.float32, tf32=True),
    "bfloat16": Precision(torch.float32, products=torch.bfloat16),
}


def precision_named(name: str) -> Precision:
    if name not in PRECISIONS:
        raise ValueError(f"precision is {name!r}; allowed are {str(tuple(PRECISIONS))[1:-1]}")
    return PRECISIONS[name]
