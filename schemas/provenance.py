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
from typing import Any

import torch

COLUMNS = """
    device              : varchar(32)   # cpu or cuda:0, ...
    device_name         : varchar(128)
    hostname            : varchar(255)
    versions            : json          # of Python and packages
    git_commit=null     : varchar(40)   # of this code; null where it came from no checkout
    git_dirty=null      : bool          # whether that checkout held changes
    started             : datetime      # UTC
    duration            : float64       # seconds
"""  # at the end of the definition of every computed table
PACKAGES = ("hypercolumn", "datajoint", "torch", "numpy", "scipy", "scikit-learn")
BUILD_COMMIT = Path(__file__).with_name("commit.json")  # written when the package is built from a checkout


def of_run(device: torch.device, started: datetime, seconds: float) -> dict[str, Any]:
    """The columns that tell where and when a row was made, and by which code."""
    commit, dirty = git_commit()
    return {
        "device": str(device),
        "device_name": device_name(device),
        "hostname": socket.gethostname(),
        "versions": versions(),
        "git_commit": commit,
        "git_dirty": dirty,
        "started": started.replace(tzinfo=None),
        "duration": seconds,
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide on a training's numbers."""
    return {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}


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
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
