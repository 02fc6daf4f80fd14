"""The order in which a training sees its images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Minibatches:
    """Rows of the training set without end, a permutation each epoch; the incomplete rest of an epoch is dropped."""

    def __init__(self, count: int, batch_size: int, order: np.random.RandomState) -> None:
        self._batch_size, self._order = batch_size, order
        self._permutation = np.empty(0, dtype=np.int64)
        self._start, self._count = 0, count

    def __next__(self) -> np.ndarray:
        if self._start + self._batch_size > len(self._permutation):
            self._permutation, self._start = self._order.permutation(self._count), 0
        rows = self._permutation[self._start : self._start + self._batch_size]
        self._start += self._batch_size
        return rows

    def state_dict(self) -> dict[str, Tensor]:
        """All that decides on the minibatches to come."""
        generator = self._order.get_state(legacy=False)
        return {
            "permutation": torch.as_tensor(self._permutation.copy()),
            "start": torch.tensor(self._start),
            "generator": torch.as_tensor(generator["state"]["key"].astype(np.int64)),
            "position": torch.tensor(generator["state"]["pos"]),
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self._permutation, self._start = state["permutation"].numpy(), int(state["start"])
        generator = self._order.get_state(legacy=False)
        # nothing here draws from a normal distribution, of which the generator would keep every other number
        generator["state"] = {"key": state["generator"].numpy().astype(np.uint32), "pos": int(state["position"])}
        self._order.set_state(generator)
