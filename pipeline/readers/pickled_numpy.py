"""What pickles say of numpy arrays: their numbers stay in the file until rows are asked for, and numpy makes nothing of
what it is told there but plain numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models.lazy import LazyArray, Rows
from pipeline.errors import UserError

MOST_RECODED = 2**27  # bytes of an array in a pickle of protocol 2, which has to be decoded in memory
DTYPE = re.compile(r"[uif][1248]|b1")
MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
RECONSTRUCT = {f"{module}._reconstruct" for module in MULTIARRAY}
SCALAR = {f"{module}.scalar" for module in MULTIARRAY}
FROM_BUFFER = {"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"}
NUMPY = RECONSTRUCT | SCALAR | FROM_BUFFER | {"numpy.ndarray", "numpy.dtype", "_codecs.encode"}


class Name(str):
    """Of a class or function, as the file names it; never imported."""


class Span(NamedTuple):
    """Bytes that stay in the file."""

    start: int
    length: int
    is_text: bool  # in UTF-8, of which each character is one byte


@dataclass(eq=False)
class Type:
    """A numpy dtype of plain numbers."""

    code: str
    order: str = "="

    def numpy(self) -> np.dtype:
        return np.dtype(self.order + self.code)


@dataclass(eq=False)
class Array:
    """A numpy array; its shape is known once its state came."""

    shape: tuple[int, ...] = (0,)
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.uint8))
    is_fortran: bool = False
    data: bytes | Span = b""

    def set(self, shape: Any, dtype: Any, is_fortran: Any, data: Any) -> None:
        if not isinstance(shape, tuple) or len(shape) > 4 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise ValueError("an array without a shape")
        if not isinstance(dtype, Type) or not isinstance(data, bytes | Span):
            raise ValueError("an array without numbers")
        self.shape, self.dtype, self.is_fortran, self.data = shape, dtype.numpy(), bool(is_fortran), data
        found = data.length if isinstance(data, Span) else len(data)
        wanted = math.prod(shape) * self.dtype.itemsize
        if wanted != found and not (isinstance(data, Span) and data.is_text and wanted <= found <= 2 * wanted):
            raise ValueError(f"an array of {wanted} bytes with {found}")

    def rows(self, path: Path) -> Rows:
        native = self.dtype.newbyteorder("=")
        order: Any = "F" if self.is_fortran else "C"
        span = self.data
        if isinstance(span, bytes) or span.is_text:
            data = span if isinstance(span, bytes) else _recoded(path, span)
            if len(data) != math.prod(self.shape) * self.dtype.itemsize:
                raise ValueError(f"an array of the shape {self.shape} with {len(data)} bytes")
            return np.ndarray(self.shape, self.dtype, data, order=order).astype(native)
        start = span.start

        def read(first: int, last: int) -> np.ndarray:
            try:
                mapped = np.memmap(path, self.dtype, "r", start, self.shape, order)
            except ValueError as error:
                raise UserError(f"{path}: became shorter while it was read; copy it again") from error
            return mapped[first:last].astype(native)

        return LazyArray(self.shape, native, read)


def called(name: str, arguments: tuple[Any, ...]) -> Any:
    """What the few functions that are allowed would give."""
    if name in RECONSTRUCT:
        return Array()
    if name in FROM_BUFFER:
        data, dtype, shape, order = arguments
        array = Array()
        array.set(shape, dtype, order == "F", data)
        return array
    if name in SCALAR:
        dtype, data = arguments
        array = Array()
        array.set((), dtype, False, data)
        return np.frombuffer(data, array.dtype)[0].item()
    if name == "numpy.dtype" and isinstance(arguments[0], str | bytes):
        code = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode("ascii")
        if not DTYPE.fullmatch(code):
            raise ValueError(f"an array of {code[:20]!r}; allowed are numbers")
        return Type(code)
    if name == "_codecs.encode":  # how protocol 2 writes bytes
        text, encoding = arguments
        if encoding == "latin1" and isinstance(text, Span):
            return text
        if encoding == "latin1" and isinstance(text, str):
            return text.encode("latin-1")
    raise ValueError(f"{name} of something else than numbers")


def _recoded(path: Path, span: Span) -> bytes:
    if span.length > MOST_RECODED:
        raise UserError(
            f"{path}: holds an array of {span.length} bytes by protocol 2; allowed are {MOST_RECODED}, and any number "
            "by protocol 3 and later: save it again"
        )
    with path.open("rb") as file:
        file.seek(span.start)
        return file.read(span.length).decode("utf-8").encode("latin-1")
