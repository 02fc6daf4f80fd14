"""HDF5 files that may be damaged: how they are opened, what is said of them, and whether their heaps have an end.

In heaps a file keeps its text. HDF5 (to 1.14.6 at least) goes from object to object of one by their sizes, and never
ends where one is of no size, as in a file that was damaged or not copied to its end. Layout: "HDF5 File Format
Specification", III.E.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import h5py

from pipeline.errors import UserError
from pipeline.readers.bounded import bounded_memory
from pipeline.readers.datatypes import is_possible, types_of

BLOCK = 2**24  # bytes
MOST_AT_ONCE = 2**28  # bytes
BEST_COMPRESSION = 1100  # times, more than deflate reaches
# By h5py, of a damaged file; the last while it goes through links, from one of the others
RAISED = (OSError, RuntimeError, KeyError, ValueError, TypeError, SystemError)
SIGNATURE = b"GCOL\x01\x00\x00\x00"  # version 1, three bytes reserved
COLLECTION = struct.Struct("<8xQ")  # its size, this header included
OBJECT = struct.Struct(
    "<H2x4xQ"
)  # its index, 0 for what is free at the end; its size, without this header but of index 0


def open_file(path: Path) -> h5py.File:
    """For reading; raises one of RAISED where it is damaged.

    What a driver would keep in the file is read here, and HDF5 takes the memory that its size announces, up to 4 GB.
    """
    with bounded_memory():
        return h5py.File(path, "r")


def damaged(path: Path, error: Exception) -> UserError:
    """What is said of a file when reading it raised an error."""
    told = error.__cause__ or error if isinstance(error, SystemError) else error
    reason = " ".join(str(told).split())
    return UserError(f"{path}: is damaged or truncated ({reason}); make a whole copy and try again")


def check_heaps(path: Path) -> None:
    """Raises UserError where reading a text of an HDF5 file would never end."""
    # No map of the file, whose pages would count as memory in use.
    with path.open("rb") as file, path.open("rb") as content:
        length = path.stat().st_size
        steps = length // 8  # for real heaps do not overlap
        for start in _heaps(file):
            steps = _steps_left(content, length, start, steps)
            if steps < 0:
                raise UserError(f"{path}: is damaged (a heap at byte {start} has no end); make a whole copy")


def check_inside(path: Path, file: h5py.File) -> None:
    """Raises UserError where something lies elsewhere: that could be any other file that the user can read.

    And where something is of a type that nothing can be of. No link is followed.
    """
    # Not by HDF5's own visit, which asks more of each object than its address and may not come to an end of that.
    seen: set[int] = set()
    groups = [file["/"]]
    _check_types(path, groups[0])
    while groups:
        group = groups.pop()
        for name in group:
            link = group.get(name, getlink=True)
            found = group[name] if isinstance(link, h5py.HardLink) else None
            away = isinstance(found, h5py.Dataset) and (found.is_virtual or found.external)
            if away or isinstance(link, h5py.ExternalLink):
                where = f"{group.name.rstrip('/')}/{name}"
                raise UserError(f"{path}: {where} lies in another file; allowed is data within the file")
            if found is not None:
                _check_types(path, found)
            if isinstance(found, h5py.Group) and (address := group.id.links.get_info(name.encode()).u) not in seen:
                seen.add(address)
                groups.append(found)


def _check_types(path: Path, one: h5py.HLObject) -> None:
    if not all(is_possible(found) for found in types_of(one)):
        raise UserError(f"{path}: is damaged ({one.name} or an attribute of it is of no type); make a whole copy")


def check_size(path: Path, dataset: h5py.Dataset, where: str, most: int | None = None) -> None:
    """Raises UserError where a dataset announces much more than is in the file, or than is read at once.

    most: bytes of all of it; by default as many as the file can hold, compressed, and 256 MiB a row and a chunk.
    """
    check_filters(path, dataset, where)
    size = dataset.size * dataset.dtype.itemsize
    check_bytes(path, math.prod(dataset.chunks or (1,)) * dataset.dtype.itemsize, f"{where}, a chunk of it")
    check_bytes(path, size // max(1, len(dataset)) if dataset.ndim > 1 else 0, f"{where}, a row of it,")
    stored = max(MOST_AT_ONCE // 2, BEST_COMPRESSION * dataset.id.get_storage_size())
    check_bytes(path, size, where, stored if most is None else most)


def check_filters(path: Path, dataset: h5py.Dataset, where: str) -> None:
    """Raises UserError where a dataset is packed by a filter that is not here: the file is whole all the same."""
    packing = dataset.id.get_create_plist()
    for number in range(packing.get_nfilters()):
        code, _, _, name = packing.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            called = f"{code}, {name.decode('utf-8', 'replace')[:40]!r}" if name else str(code)
            raise UserError(
                f"{path}: /{where} is packed by a filter that HDF5 has not here ({called}); pack it by gzip (h5repack "
                "-f GZIP=4), or set HDF5_PLUGIN_PATH to the folder of the filter"
            )


def check_bytes(path: Path, size: int, where: str, most: int = MOST_AT_ONCE) -> None:
    """Raises UserError where something would take more than that."""
    if size > most:
        raise UserError(f"{path}: /{where} would take {size >> 20} MB; allowed, or there, are {most >> 20}")


def _heaps(file: BinaryIO) -> Iterator[int]:
    """Where the heaps of a file begin."""
    place, block = 0, file.read(BLOCK)
    while len(block) >= len(SIGNATURE):
        at = block.find(SIGNATURE)
        while at >= 0:
            yield place + at
            at = block.find(SIGNATURE, at + 1)
        rest = block[1 - len(SIGNATURE) :]  # a signature may lie across two blocks
        place += len(block) - len(rest)
        more = file.read(BLOCK)
        block = rest + more if more else b""


def _steps_left(content: BinaryIO, length: int, start: int, steps: int) -> int:
    """Of so many, after the objects of a heap; below 0 where they do not suffice. length: of the content."""
    place = start + COLLECTION.size
    if place > length:
        return steps
    end = min(start + _read(content, start, COLLECTION)[0], length)
    while place + OBJECT.size <= end:
        index, size = _read(content, place, OBJECT)
        step = size if index == 0 else (OBJECT.size + -(-size // 8) * 8) % 2**64
        steps -= 1
        if step == 0 or steps < 0:
            return -1
        place += step
    return steps


def _read(content: BinaryIO, place: int, layout: struct.Struct) -> tuple[int, ...]:
    content.seek(place)
    return layout.unpack(content.read(layout.size))
