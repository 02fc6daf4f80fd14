"""Whether two states of a model are the same, to the bit."""

from __future__ import annotations

from collections.abc import Mapping

import torch


def same_tensors(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> bool:
    """Tensors of the same names, each with the same values."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
