"""The order in which a training sees its images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.training_state import prefixed, under


def orders(seed: int, count: int) -> list[np.random.RandomState]:
    """What orders the minibatches of so many recordings; of the first as in the original, of each other by itself."""
    return [np.random.RandomState([seed, i] if i else seed) for i in range(count)]


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


class JointMinibatches:
    """Rows of each of several training sets at a time, each of them without end by itself."""

    def __init__(self, each: Sequence[Minibatches]) -> None:
        self._each = each

    def __next__(self) -> list[np.ndarray]:
        return [next(minibatches) for minibatches in self._each]

    def state_dict(self) -> dict[str, Tensor]:
        """All that decides on the minibatches to come."""
        return {
            name: tensor
            for i, minibatches in enumerate(self._each)
            for name, tensor in prefixed(f"{i}.", minibatches.state_dict()).items()
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        for i, minibatches in enumerate(self._each):
            minibatches.load_state_dict(under(f"{i}.", state))
