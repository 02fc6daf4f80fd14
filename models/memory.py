"""How much memory there is: of the machine, of the container or job that this process runs in, and of a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

if TYPE_CHECKING:
    import torch

CGROUP = Path("/sys/fs/cgroup")  # where Linux tells the limits of containers and of jobs


def total_memory() -> int:
    """Bytes of the machine, or of the container or the scheduler's job that this process runs in."""
    return int(min(psutil.virtual_memory().total, *(limit for _, limit in _limits())))


def free_memory(device: torch.device) -> int:
    """Bytes that are left on a device."""
    if device.type == "cuda":
        import torch

        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # by PyTorch, for the next
        return torch.cuda.mem_get_info(device)[0] + kept
    return int(min(psutil.virtual_memory().available, *(max(0, limit - _used(group)) for group, limit in _limits())))


def _limits() -> list[tuple[Path, float]]:
    """Of the groups that this process is in, each within the next; infinity where none is known."""
    none = (CGROUP, np.inf)
    try:
        group = CGROUP / Path("/proc/self/cgroup").read_text().partition("0::/")[2].splitlines()[0]
    except (OSError, IndexError):
        return [none]
    found: list[tuple[Path, float]] = [none]
    for folder in (group, *group.parents):
        try:
            found.append((folder, int((folder / "memory.max").read_text())))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    return found


def _used(group: Path) -> int:
    """Bytes that a group takes, without what the system keeps of files as long as nobody else needs the room."""
    try:
        used = int((group / "memory.current").read_text())
        told = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return used - int(told["inactive_file"])
    except (OSError, ValueError, KeyError):
        return 0
