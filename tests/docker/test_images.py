"""The Dockerfile holds to what a linter asks of it, and its images are no superuser's. docker/check.sh builds them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_lint():
    found = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_ordinary_user():
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
    users = {stage.split()[2]: re.findall(r"^USER (.*)", stage, re.MULTILINE) for stage in stages}
    assert [users[image][-1] for image in ("worker", "notebook")] == ["1000", "1000"]


def test_secrets_stay_out():
    assert "docker/secrets" in (ROOT / ".dockerignore").read_text().split()
    assert "/docker/secrets/" in (ROOT / ".gitignore").read_text().split()
