"""Files in numpy's format: the header, read by numpy itself, is checked before any of the data is read."""

from __future__ import annotations

import math
import tokenize
import warnings
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from pipeline.errors import UserError

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
LONGEST_HEADER = 2**16
LAST_LETTER = 0x10FFFF
KINDS = "biufSU"  # numbers and text
MOST_BYTES = 2**28  # of one array
ALLOWED = "allowed are arrays of numbers or text, without pickle"
# What numpy raises of a header that is none; the last three of one that is nested without end.
RAISED = (ValueError, TypeError, KeyError, SyntaxError, OverflowError, tokenize.TokenError, RecursionError, MemoryError)


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
    array = array.astype(header.dtype.newbyteorder("="), order="C")
    if array.dtype.kind == "U":
        letters = array.reshape(-1).view(np.uint32)
        if ((letters > LAST_LETTER) | ((letters >= 0xD800) & (letters < 0xE000))).any():
            raise UserError(f"{source}: holds text that is no Unicode; {ALLOWED}")
    return array


def read_header(file: BinaryIO, size: int, source: str) -> Header:
    """What the file says of its array, once that is known to fit into the file."""
    try:
        version = npy.read_magic(file)
    except ValueError as error:
        raise UserError(f"{source}: is not a file of numpy's format .npy; write it with numpy.save") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that Python 2 wrote, or of odd escapes
            shape, is_fortran, dtype = HEADERS[version](file, max_header_size=LONGEST_HEADER)
    except RAISED as error:
        reason = " ".join(str(error).split())[:60]
        raise UserError(f"{source}: has no header that numpy can read ({reason}); {ALLOWED}") from error
    header = Header(dtype, is_fortran, shape, file.tell())
    if dtype.kind not in KINDS or dtype.itemsize == 0 or any(side < 0 for side in shape):
        raise UserError(f"{source}: holds {dtype} {shape}; {ALLOWED}")
    if max(header.num_bytes, math.prod(side or 1 for side in shape)) > MOST_BYTES:
        raise UserError(f"{source}: holds {header.num_bytes} bytes, {shape}; allowed are {MOST_BYTES}")
    if header.start + header.num_bytes > size:
        raise UserError(
            f"{source}: announces {header.num_bytes} bytes, {shape}, and has {size - header.start}; make a whole copy"
        )
    return header
