"""The data of the original code: the release's data.pkl, and the HDF5 files of its scans (`pipeline.readers.scans`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.lazy import Rows
from models.recording import Recording
from pipeline.errors import UserError
from pipeline.readers import scans
from pipeline.readers.options import WITHOUT_TIMES, Options
from pipeline.readers.pickled import read_pickle
from pipeline.readers.presentations import Presentations

name = "original"
PICKLE_START = b"\x80"  # of protocol 2 and later
# `Dataset` as the release names it, as the code of its tables does, and as a script that defined it did.
CLASSES = ("data.Dataset", "cnn_sys_ident.mesonet.data.Dataset", "__main__.Dataset")
SPLITS = {"train": "train", "val": "validation", "test": "test"}


def recognises(path: Path) -> bool:
    """A pickle, a folder with files of scans, or a YAML file that names them."""
    try:
        if scans.recognises(path):
            return True
        with path.open("rb") as file:
            return path.suffix in (".pkl", ".pickle") and file.read(1) == PICKLE_START
    except OSError:
        return False


def read(path: Path, options: Options) -> Recording | Presentations:
    """Raises UserError with one line about the first fault; of a pickle nothing is executed."""
    options.refuse(str(path), **WITHOUT_TIMES)
    return scans.read(path) if scans.recognises(path) else _read_pickle(path)


def _read_pickle(path: Path) -> Recording:
    """`Dataset` of the release: images and responses as it normalised them."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder without {scans.FOLDER} and without {scans.DESCRIPTION}")
    attributes = read_pickle(path, CLASSES)
    arrays: dict[str, Any] = {}
    for short, split in SPLITS.items():
        arrays[f"{split}_images"] = _array(path, attributes, f"images_{short}", (3, 4))
        arrays[f"{split}_responses"] = _array(path, attributes, f"responses_{short}", (3 if short == "test" else 2,))
    return Recording(**arrays, attributes={"name": path.stem, "preprocessing": "normalised as in the original release"})


def _array(path: Path, attributes: dict, field: str, dimensions: tuple[int, ...]) -> Rows:
    array: Any = attributes.get(field)
    if not hasattr(array, "shape"):
        raise UserError(f"{path}: has no array {field}; it must be the original's Dataset with images and responses")
    if len(array.shape) not in dimensions:
        allowed = " or ".join(map(str, dimensions))
        raise UserError(f"{path}: {field} has {len(array.shape)} dimensions, {array.shape}; allowed is {allowed}")
    return array
