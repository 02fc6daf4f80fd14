"""Whoever reads a file that announces too much gets an error, and the limit is gone afterwards."""

from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest

from pipeline.readers.bounded import bounded_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where memory can be bounded")


def test_more_than_allowed_fails():
    with bounded_memory(2**26):
        assert np.ones(2**20).sum() == 2**20
        with pytest.raises(MemoryError):
            np.ones(2**26)
    assert np.ones(2**26).sum() == 2**26


def test_the_librarys_own_memory_is_bounded(tmp_path):
    """Of a chunk of 256 MiB that is compressed to next to nothing."""
    path = tmp_path / "large.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("zeros", data=np.zeros(2**28, np.uint8), chunks=(2**28,), compression=1)
    assert path.stat().st_size < 2**22
    with h5py.File(path, "r") as file:
        with bounded_memory(2**26), pytest.raises((OSError, MemoryError)):
            file["zeros"][0]
        assert file["zeros"][0] == 0
