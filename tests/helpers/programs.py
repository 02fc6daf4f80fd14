"""Programs and devices that some tests need and not every machine has."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest
import torch

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")


def missing(reason: str) -> NoReturn:
    """Skip the test; where `CI` is set, everything has to be there, and it fails."""
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
