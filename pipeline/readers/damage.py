"""HDF5 files that are damaged: what is said of them, and whether the library would come to the end of their heaps.

In heaps a file keeps its text. HDF5 (to 1.14.6 at least) goes from object to object of one by their sizes, and never
ends where one is of no size, as in a file that was damaged or not copied to its end. Layout: "HDF5 File Format
Specification", III.E.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from pipeline.errors import UserError

RAISED = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # by h5py, of a damaged file
SIGNATURE = b"GCOL\x01\x00\x00\x00"  # version 1, three bytes reserved
COLLECTION = struct.Struct("<8xQ")  # its size, this header included
OBJECT = struct.Struct(
    "<H2x4xQ"
)  # its index, 0 for what is free at the end; its size, without this header but of index 0


def damaged(path: Path, error: Exception) -> UserError:
    """What is said of a file when reading it raised an error."""
    reason = " ".join(str(error).split())
    return UserError(f"{path}: is damaged or truncated ({reason}); make a whole copy and try again")


def check_heaps(path: Path) -> None:
    """Raises UserError where reading a text of an HDF5 file would never end."""
    with path.open("rb") as file:
        if path.stat().st_size < COLLECTION.size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content.find(SIGNATURE)
            while start >= 0:
                if _is_endless(content, start):
                    raise UserError(f"{path}: is damaged (a heap at byte {start} has no end); make a whole copy")
                start = content.find(SIGNATURE, start + 1)


def _is_endless(content: mmap.mmap, start: int) -> bool:
    if start + COLLECTION.size > len(content):
        return False
    (size,) = COLLECTION.unpack_from(content, start)
    end, place = min(start + size, len(content)), start + COLLECTION.size
    while place + OBJECT.size <= end:
        index, length = OBJECT.unpack_from(content, place)
        step = length if index == 0 else (OBJECT.size + -(-length // 8) * 8) % 2**64
        if step == 0:
            return True
        place += step
    return False
