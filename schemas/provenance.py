"""Where a row came from: the code, the versions and the machine that made it."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    import torch

COLUMNS = """
    device              : varchar(32)   # cpu or cuda:0, ...
    device_name         : varchar(128)  # model of the GPU or the processor
    cuda_version=null   : varchar(32)   # of PyTorch; null on a CPU
    num_threads=null    : int32         # of PyTorch; null where that was not kept
    numerics=null       : json          # settings that change the last bits; null where they were not kept
    hostname            : varchar(255)
    versions            : json          # of Python and packages
    git_commit=null     : varchar(40)   # of this code; null where it came from no checkout
    git_dirty=null      : bool          # whether that checkout held changes
    started             : datetime      # UTC
    duration            : float64       # seconds
"""  # at the end of the definition of every computed table
PACKAGES = ("hypercolumn", "datajoint", "torch", "numpy", "scipy", "scikit-learn")
NUMPY = str(Path(np.__file__).parent)  # also the beginning of numpy.libs beside it
BUILD_COMMIT = Path(__file__).with_name("commit.json")  # written when the package is built from a checkout


def of_run(device: torch.device, started: datetime, seconds: float) -> dict[str, Any]:
    """The columns that tell where and when a row was made, and by which code."""
    import torch

    commit, dirty = git_commit()
    return {
        "device": str(device),
        "device_name": device_name(device),
        "cuda_version": torch.version.cuda if device.type == "cuda" else None,
        "num_threads": torch.get_num_threads(),
        "numerics": numerics(device),
        "hostname": socket.gethostname(),
        "versions": versions(device),
        "git_commit": commit,
        "git_dirty": dirty,
        "started": started.replace(tzinfo=None),
        "duration": seconds,
    }


def versions(device: torch.device | None = None) -> dict[str, str]:
    """Versions of Python and of the packages that decide on a training's numbers; on a GPU, of cuDNN too."""
    found = {"python": platform.python_version()} | _package_versions()
    if device is not None and device.type == "cuda":
        import torch

        found["cudnn"] = str(torch.backends.cudnn.version())
    return found


@cache
def _package_versions() -> dict[str, str]:
    """Once for the process: what is installed while it runs, it does not use."""
    return {package: version(package) for package in PACKAGES}


def numerics(device: torch.device) -> dict[str, Any]:
    """What else decides on the last bits: instructions of the processor, libraries' own choices, precision."""
    import torch

    libraries = [library for library in _libraries().info() if library["user_api"] == "blas"]
    libraries.sort(key=lambda library: not library["filepath"].startswith(NUMPY))  # scipy may bring its own
    blas: dict[str, Any] = next(iter(libraries), {})
    names = ("internal_api", "version", "architecture")
    found = {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "blas": " ".join(str(blas[name]) for name in names if blas.get(name)) or None,
        "blas_threads": blas.get("num_threads"),
        "mkldnn": torch.backends.mkldnn.enabled,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }
    if device.type == "cuda":
        settings = ("allow_tf32", "deterministic", "benchmark")
        found |= {f"cudnn_{name}": getattr(torch.backends.cudnn, name) for name in settings}
    return found


@cache
def _libraries() -> ThreadpoolController:
    """Those that are loaded, numpy's at least; how many threads they have, each is asked when it is wanted."""
    return ThreadpoolController()


@cache
def git_commit() -> tuple[str | None, bool | None]:
    """Commit of this code and whether the tree had changes; (None, None) where the code came from no checkout."""
    if BUILD_COMMIT.is_file():
        built = json.loads(BUILD_COMMIT.read_text())
        return built["commit"], built["dirty"]
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None, None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain")
    return commit, None if changes is None else bool(changes)


def device_name(device: torch.device) -> str:
    """The device as a person knows it: the model of the GPU, or the machine's processor."""
    if device.type == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    return _processor() or platform.processor() or platform.machine()


@cache
def _processor() -> str | None:
    """The processor's model, where the system is Linux and tells it: Python knows only its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip()[:128] for line in lines if line.startswith("model name")), None)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
