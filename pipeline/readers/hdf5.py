"""The HDF5 layout of a recording (`models.recording`): its structure is checked; its arrays are read when needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import h5py

from models.recording import ARRAYS, Recording
from pipeline.errors import UserError
from pipeline.readers.bounded import bounded_memory
from pipeline.readers.damage import RAISED, check_bytes, check_heaps, check_inside, check_size, damaged, open_file
from pipeline.readers.options import WITHOUT_TIMES, Options

name = "hdf5"
LARGEST_COLUMN = 2**26  # bytes of a column of neurons


def recognises(path: Path) -> bool:
    """Whether it is an HDF5 file with a group of training data."""
    try:
        with open_file(path) as file:
            return isinstance(file.get("train", getlink=True), h5py.HardLink) and isinstance(file["train"], h5py.Group)
    except RAISED:
        return False


def read(path: Path, options: Options) -> Recording:
    """Read a file in the HDF5 layout; raises UserError with one line about the first fault.

    What its arrays hold is for `checks` to look at: they are read chunk by chunk, and a fault in the file that only
    then comes to light is a UserError, too.
    """
    options.refuse(str(path), **WITHOUT_TIMES)
    if not h5py.is_hdf5(path):
        raise UserError(f"{path}: is not an HDF5 file; allowed is the layout that the README describes")
    check_heaps(path)
    opened = partial(_opened, path)
    with opened() as file, bounded_memory():
        check_inside(path, file)
        dict(file.attrs)  # whose texts, if damaged, are as long as a column's may be
        for where in ARRAYS.values():
            _check_array(path, file, where)
        _check_neurons(path, file)
    return Recording.lazy(opened)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with open_file(path) as file:
            yield file
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: /neurons holds text that is not UTF-8 ({error}); allowed is UTF-8") from error
    except RAISED as error:
        raise damaged(path, error) from error


def _check_array(path: Path, file: h5py.File, where: str) -> None:
    group, _, name = where.partition("/")
    if not isinstance(file.get(group), h5py.Group):
        raise UserError(f"{path}: group /{group} is missing; it must hold images and responses")
    dataset = file.get(where)
    if not isinstance(dataset, h5py.Dataset):
        raise UserError(f"{path}: dataset /{where} is missing from group /{group}; it must hold {name}")
    if dataset.dtype.kind not in "uif":
        raise UserError(f"{path}: /{where} holds {dataset.dtype}; allowed are numbers")
    dimensions = 3 if name == "images" or group == "test" else 2
    if dataset.ndim != dimensions:
        raise UserError(f"{path}: /{where} has {dataset.ndim} dimensions, {dataset.shape}; allowed is {dimensions}")
    check_size(path, dataset, where)


def _check_neurons(path: Path, file: h5py.File) -> None:
    columns = file.get("neurons")
    if columns is None:
        return
    if not isinstance(columns, h5py.Group):
        raise UserError(f"{path}: /neurons is no group; it must hold a dataset for each column")
    neurons = file[ARRAYS["train_responses"]].shape[1]
    for name, column in columns.items():
        where = f"neurons/{name}"
        if not isinstance(column, h5py.Dataset):
            raise UserError(f"{path}: /{where} is no dataset; it must hold one value for each neuron")
        if h5py.check_string_dtype(column.dtype) is None and column.dtype.kind not in "uifb":
            raise UserError(f"{path}: /{where} holds {column.dtype}; allowed are numbers and text")
        if column.ndim < 1 or column.shape[0] != neurons:
            raise UserError(
                f"{path}: /{where} has the shape {column.shape}; allowed is one value for each of {neurons} neurons"
            )
        check_size(path, column, where, LARGEST_COLUMN)
        if h5py.check_string_dtype(column.dtype) is not None:
            longest = max(map(len, column[()].flat), default=0)  # numpy keeps as many letters of each
            check_bytes(path, 4 * longest * column.size, where, LARGEST_COLUMN)
