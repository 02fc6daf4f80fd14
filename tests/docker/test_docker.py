"""The Dockerfile holds to what a linter asks of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCKERFILE = Path(__file__).parents[2] / "docker" / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_lint():
    found = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
