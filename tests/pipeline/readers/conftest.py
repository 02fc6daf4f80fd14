"""A small recording whose test images were not all shown equally often."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers import read


@pytest.fixture(scope="session")
def shown() -> Recording:
    generator = np.random.default_rng(0)

    def images(count: int) -> np.ndarray:
        return generator.integers(0, 256, (count, 7, 9), dtype=np.uint8)

    test_responses = generator.gamma(1.0, size=(4, 60, 5)).astype(np.float32)
    test_responses[2:, 3] = np.nan
    test_responses[3, 40:] = np.nan
    return Recording(
        train_images=images(80),
        train_responses=generator.gamma(1.0, size=(80, 5)).astype(np.float32),
        validation_images=images(6),
        validation_responses=generator.gamma(1.0, size=(6, 5)).astype(np.float32),
        test_images=images(60),
        test_responses=test_responses,
        neurons={"neuron_id": np.array([4, 7, 1, 9, 12]), "area": np.array(["V1", "V1", "LM", "LM", "LM"])},
    )


@pytest.fixture
def refusal() -> Callable[..., str]:
    """What is said of a path that is not read, one line that begins with the path."""

    def run(path: Path, *given: object, **options: object) -> str:
        with pytest.raises(UserError) as caught:
            read(path, *given, **options).content_sha256()
        line = str(caught.value)
        assert line.startswith(str(path))
        assert len(line.splitlines()) == 1
        return line

    return run
