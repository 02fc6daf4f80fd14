"""Readers: from a file or folder in some format to a `Recording`, by the format's name or by what recognises it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from models.lazy import as_float32
from models.recording import ARRAYS, Recording
from pipeline.errors import UserError
from pipeline.readers import hdf5, nwb, original, plugins, sensorium
from pipeline.readers.images import prepared
from pipeline.readers.options import Options
from pipeline.readers.presentations import Presentations
from pipeline.readers.units import only_units


class Reader(Protocol):
    """What knows a format; a module or an object, built in or another package's (docs/how-to/new-reader.md)."""

    @property
    def name(self) -> str:
        """What `--format` takes."""

    def recognises(self, path: Path) -> bool:
        """Whether the path looks like this format; quick, and never an error."""

    def read(self, path: Path, options: Options) -> Recording | Presentations:
        """Raises UserError, one line with path, field, what was found and what is allowed."""


BUILT_IN: dict[str, Reader] = {reader.name: reader for reader in (hdf5, sensorium, original, nwb)}


def formats() -> list[str]:
    """Names of all readers."""
    return [*BUILT_IN, *(name for name in plugins.names() if name not in BUILT_IN)]


def find(path: Path, file_format: str = "auto") -> Reader:
    """The reader of this name, or the one that recognises the path. Raises UserError where there is none."""
    if file_format != "auto" and file_format not in formats():
        raise UserError(f"format {file_format!r} is unknown; allowed are auto, {', '.join(formats())}")
    if not path.exists():
        raise UserError(f"{path}: no such file; give the path of a recording")
    if not path.is_file() and not path.is_dir():
        raise UserError(f"{path}: is not a file or folder; give the path of a recording")
    if path.is_file():
        path.open("rb").close()  # h5py takes a file that may not be read for one of another format
    if file_format != "auto":
        return BUILT_IN.get(file_format) or plugins.plugins(BUILT_IN, file_format)[0]
    for reader in BUILT_IN.values():
        if reader.recognises(path):
            return reader
    for plugin in plugins.plugins(BUILT_IN):
        if plugin.recognises(path):
            return plugin
    if path.is_dir():
        raise UserError(f"{path}: is not a folder of a known format; give the path of a file, or choose a format")
    return hdf5  # which says what is missing


def read(path: Path, file_format: str = "auto", options: Options | None = None) -> Recording:
    """Read a recording; its arrays may be read when their rows are asked for.

    Raises UserError that names the file, the field, what was found and what is allowed.
    """
    return read_by(find(path, file_format), path, options or Options())


def read_by(reader: Reader, path: Path, options: Options) -> Recording:
    """The same by a reader that was found before."""
    found = reader.read(path, options)
    if isinstance(found, Presentations):
        return found.recording(options, str(path))
    return applied(found, options, str(path))


def applied(recording: Recording, options: Options, source: str) -> Recording:
    """A recording whose trials are sorted already, with images and neurons as the options say."""
    options.refuse(source, split="has a split of its own")
    arrays: dict[str, Any] = {
        name: prepared(getattr(recording, name), options, source)
        if name.endswith("images")
        else as_float32(getattr(recording, name))
        for name in ARRAYS
    }
    return only_units(replace(recording, **arrays), options.units, source)
