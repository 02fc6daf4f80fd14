"""Files in numpy's format: the header is checked, without evaluating it, before any of the data is read."""

from __future__ import annotations

import math
import re
from typing import BinaryIO, NamedTuple

import numpy as np

from pipeline.errors import UserError

MAGIC = b"\x93NUMPY"
LENGTH_BYTES = {1: 2, 2: 4, 3: 4}  # by version: how many bytes tell the length of the header
LONGEST_HEADER = 2**16
MOST_BYTES = 2**28  # of one array
HEADER = re.compile(r"\s*\{(.*)\}\s*", re.DOTALL)
DTYPE = re.compile(r"'descr'\s*:\s*'([<>|=]?(?:[uif][1248]|b1|[SU][1-9]\d{0,5}))'")
ORDER = re.compile(r"'fortran_order'\s*:\s*(True|False)")
SHAPE = re.compile(r"'shape'\s*:\s*\(\s*((?:\d{1,12}L?\s*,\s*){0,8}(?:\d{1,12}L?\s*)?)\)", re.ASCII)


class Header(NamedTuple):
    dtype: np.dtype
    is_fortran: bool
    shape: tuple[int, ...]
    start: int  # of the data in the file, bytes

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(file: BinaryIO, size: int, source: str) -> np.ndarray:
    """The array in a file of `size` bytes. Raises UserError about whatever is no array of numbers or text."""
    header = read_header(file, size, source)
    content = file.read(header.num_bytes)
    if len(content) < header.num_bytes:
        raise UserError(f"{source}: ends early, {len(content)} bytes of {header.num_bytes}; make a whole copy")
    array = np.ndarray(header.shape, header.dtype, content, order="F" if header.is_fortran else "C")
    return array.astype(header.dtype.newbyteorder("="), order="C")


def read_header(file: BinaryIO, size: int, source: str) -> Header:
    """What the file says of its array, once that is known to fit into the file."""
    start = file.read(len(MAGIC) + 2)
    if len(start) < len(MAGIC) + 2 or not start.startswith(MAGIC) or start[6] not in LENGTH_BYTES:
        raise UserError(f"{source}: is not a file of numpy's format .npy")
    width = LENGTH_BYTES[start[6]]
    length = int.from_bytes(file.read(width), "little")
    if length > LONGEST_HEADER:
        raise UserError(f"{source}: has a header of {length} bytes; allowed are {LONGEST_HEADER}")
    text = file.read(length).decode("utf-8", "replace")
    inside = HEADER.fullmatch(text)
    dtype, order, shape = (pattern.search(inside[1]) if inside else None for pattern in (DTYPE, ORDER, SHAPE))
    if dtype is None or order is None or shape is None:
        raise UserError(f"{source}: holds {_shown(text)}; allowed are arrays of numbers or text, without pickle")
    sides = tuple(int(side.strip().rstrip("L")) for side in shape[1].split(",") if side.strip())
    header = Header(np.dtype(dtype[1]), order[1] == "True", sides, len(start) + width + length)
    if math.prod(max(side, 1) for side in sides) * header.dtype.itemsize > MOST_BYTES:
        raise UserError(f"{source}: holds {header.num_bytes} bytes, {sides}; allowed are {MOST_BYTES}")
    if header.start + header.num_bytes > size:
        raise UserError(f"{source}: announces {header.num_bytes} bytes, {sides}, and has {size - header.start}")
    return header


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:57] + "...")
