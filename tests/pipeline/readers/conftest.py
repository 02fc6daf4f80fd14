"""What the tests of readers share."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from made_up_recordings import unequally_shown
from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers import read


@pytest.fixture(scope="session")
def shown() -> Recording:
    return unequally_shown()


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


@pytest.fixture(scope="session")
def whole_numbers() -> Recording:
    """Whole numbers, so that spikes can be made of them, and a repeat that one test image lacks."""
    rng = np.random.default_rng(0)

    def images(count: int) -> np.ndarray:
        return rng.integers(0, 256, (count, 5, 7), dtype=np.uint8)

    def responses(*shape: int) -> np.ndarray:
        return rng.poisson(2, (*shape, 4)).astype(np.float32)

    test = responses(3, 6)
    test[2, 4] = np.nan
    return Recording(
        *(images(12), responses(12), images(4), responses(4), images(6), test),
        neurons={
            "neuron_id": np.array([3, 1, 7, 5]),
            "area": np.array(["V1", "V1", "LM", "V1"]),
            "depth": np.array([100.5, np.nan, 300, 250]),
            "position": rng.normal(size=(4, 3)),
        },
    )


@pytest.fixture(scope="session")
def good_nwb(whole_numbers, tmp_path_factory) -> Path:
    import nwb_files  # and pynwb, which only some tests need

    return nwb_files.write_nwb(whole_numbers, tmp_path_factory.mktemp("nwb") / "good.nwb")


@pytest.fixture
def edited_nwb(good_nwb, tmp_path) -> Callable[[Callable[[h5py.File], None]], Path]:
    """A copy of the good file after an edit."""

    def make(edit: Callable[[h5py.File], None]) -> Path:
        path = tmp_path / "edited.nwb"
        shutil.copy(good_nwb, path)
        with h5py.File(path, "r+") as file:
            edit(file)
        return path

    return make
