"""Readers: from a file in some format to a `Recording` that is known to be good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers.hdf5 import read_hdf5

FORMATS: dict[str, Callable[[Path], Recording]] = {"hdf5": read_hdf5}


def read(path: Path, file_format: str = "auto") -> Recording:
    """Read a recording. Raises UserError that names the file, the field, what was found and what is allowed."""
    if file_format not in ("auto", *FORMATS):
        raise UserError(f"format {file_format!r} is unknown; allowed are auto, {', '.join(FORMATS)}")
    if not path.exists():
        raise UserError(f"{path}: no such file; give the path of a recording")
    if not path.is_file():
        raise UserError(f"{path}: is not a file; give the path of a recording's HDF5 file")
    path.open("rb").close()  # h5py takes a file that may not be read for one of another format
    return FORMATS["hdf5" if file_format == "auto" else file_format](path)
