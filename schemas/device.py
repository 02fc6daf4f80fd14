"""The device that computed tables compute on, one for the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_chosen: str | None = None


def use(device: str | None) -> None:
    """Compute on this device from now on; None takes CUDA where there is a device and the CPU otherwise."""
    global _chosen
    _chosen = device


def current() -> torch.device:
    import torch

    torch.backends.cudnn.allow_tf32 = False  # what is called float32 shall be it, also in convolutions on a GPU
    torch.backends.cudnn.deterministic = True  # the same training again gives the same bits
    return torch.device(_chosen or ("cuda" if torch.cuda.is_available() else "cpu"))
