"""The device that a user names."""

from __future__ import annotations

from pipeline.errors import UserError
from schemas import device as chosen_device


def use_device(device: str | None) -> None:
    """Compute on this device from now on; None takes CUDA where there is a device and the CPU otherwise."""
    if device is not None:
        import torch

        try:
            kind = torch.device(device)
        except RuntimeError as error:
            raise UserError(f"device {device!r} is unknown; allowed are cpu, cuda, cuda:0, ...") from error
        if kind.type not in ("cpu", "cuda"):
            raise UserError(f"device {device!r} is not supported; allowed are cpu, cuda, cuda:0, ...")
        if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
            raise UserError(
                f"device {device!r} is not there; this machine has {torch.cuda.device_count()} CUDA devices"
            )
    chosen_device.use(device)
