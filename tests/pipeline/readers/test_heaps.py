"""Heaps without an end are found wherever they lie, in no more memory for a larger file."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.errors import UserError
from pipeline.readers import damage

ENDLESS = damage.SIGNATURE + damage.COLLECTION.pack(64)[8:] + bytes(48)  # its first object is of no size
FREE = damage.OBJECT.pack(0, 4080) + bytes(4064)  # to its end
MEASURED = """
import resource, sys
from pathlib import Path
from pipeline.readers.damage import check_heaps
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
check_heaps(Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("at", range(40))
@pytest.mark.parametrize("block", [8, 9, 16, 1000])
def test_a_heap_without_an_end_is_found_wherever_it_lies(tmp_path, monkeypatch, at, block):
    monkeypatch.setattr(damage, "BLOCK", block)
    path = tmp_path / "bad.h5"
    path.write_bytes(bytes(at) + ENDLESS)
    with pytest.raises(UserError, match=rf"is damaged \(a heap at byte {at} has no end\)"):
        damage.check_heaps(path)
    path.write_bytes(bytes(at) + ENDLESS[: damage.COLLECTION.size])  # which ends with the file
    damage.check_heaps(path)


def test_a_heap_that_says_it_is_larger_than_any_file(tmp_path):
    path = tmp_path / "bad.h5"
    path.write_bytes(damage.SIGNATURE + (2**64 - 1).to_bytes(8, "little") + damage.OBJECT.pack(1, 2**63))
    damage.check_heaps(path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where resident memory is told in kilobytes")
@pytest.mark.parametrize("of", [bytes(4096), damage.SIGNATURE + (4096).to_bytes(8, "little") + FREE])
def test_a_large_file_takes_no_more_memory(tmp_path, of):
    path = tmp_path / "large.h5"
    path.write_bytes(of * 2**16)
    command = [sys.executable, "-c", MEASURED, str(path)]
    taken = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(taken.stdout) < 100 * 2**10  # kilobytes
