"""The heaps in which an HDF5 file keeps its text: whether the library would come to the end of each.

HDF5 (to 1.14.6 at least) goes from object to object of a global heap by their sizes, and never ends where one is of no
size, as in a file that was damaged or not copied to its end. Layout: "HDF5 File Format Specification", III.E.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from pipeline.errors import UserError

SIGNATURE = b"GCOL\x01\x00\x00\x00"  # version 1, three bytes reserved
COLLECTION = struct.Struct("<8xQ")  # its size, this header included
OBJECT = struct.Struct(
    "<H2x4xQ"
)  # its index, 0 for what is free at the end; its size, without this header but of index 0


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
