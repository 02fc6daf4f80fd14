"""HDF5 files of the original's scans: `inputs` (trials, channels, height, width), `responses` (trials, neurons),
`image_ids` (trials,) and `info/unit_ids` (neurons,); a file for each of training, validation and test set.

A scan is a folder with train.h5, validation.h5 (or val.h5) and test.h5. Areas that were recorded together are merged
along their neurons by a file scans.yaml, which lists the three files of each, and what else its neurons have in common:

    - {train: d5b9.h5, validation: 88e8.h5, test: 47fd.h5, area: V1, layer: "4"}
    - {train: 221d.h5, validation: 53aa.h5, test: 7efb.h5, area: V1, layer: "2/3"}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from models.lazy import LazyArray, Rows, chunks, joined, mapped, side_by_side, taken
from pipeline.errors import UserError
from pipeline.readers.bounded import bounded_memory
from pipeline.readers.damage import RAISED, check_heaps, check_inside, check_size, damaged, open_file
from pipeline.readers.neurons import with_ids
from pipeline.readers.presentations import SPLITS, Presentations
from pipeline.readers.splits import first_of_number

if TYPE_CHECKING:
    from pipeline.experiments.yaml_file import Node

DESCRIPTION = "scans.yaml"
FOLDER = "train.h5"
COLUMNS = {"area": str, "layer": str, "animal_id": int, "session_idx": int, "scan_idx": int}
LONGEST_COLUMN = 64  # characters


class Scan:
    """The three files of one area, by split, and the columns that all its neurons share."""

    def __init__(self, files: dict[str, Path], columns: dict[str, str | int]) -> None:
        self.files, self.columns = files, columns


def recognises(path: Path) -> bool:
    """A folder with train.h5 or scans.yaml, or the path of a YAML file."""
    if path.is_dir():
        return (path / FOLDER).is_file() or (path / DESCRIPTION).is_file()
    return path.suffix in (".yaml", ".yml")


def read(path: Path) -> Presentations:
    """Raises UserError with one line about the first fault."""
    if path.is_dir() and not (path / DESCRIPTION).is_file():
        listed = [Scan(_files_of_folder(path), {})]
    else:
        listed = list(_described(path / DESCRIPTION if path.is_dir() else path))
    opened = [{split: _File(scan.files[split]) for split in SPLITS} for scan in listed]
    first = opened[0]
    responses = [
        side_by_side([first[split].responses, *(_in_order(first[split], scan[split]) for scan in opened[1:])])
        for split in SPLITS
    ]
    num_trials = [len(first[split].images) for split in SPLITS]
    starts = np.cumsum([0, *num_trials])
    return Presentations(
        images=joined([first[split].images for split in SPLITS]),
        image_of_trial=np.concatenate([np.arange(starts[2]), starts[2] + _first_of_image(first["test"])]),
        responses=joined(responses),
        split_of_trial=np.repeat(SPLITS, num_trials),
        neurons=_neurons(listed, opened),
        attributes={"name": path.stem},
    )


class _File:
    """One file of one area; its arrays are read when their rows are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise UserError(f"{path}: no such file; a scan has three, for training, validation and test set")
        if not h5py.is_hdf5(path):
            raise UserError(f"{path}: is not an HDF5 file; allowed is a file of the original's scans")
        check_heaps(path)
        try:
            self._file = open_file(path)
            with bounded_memory():
                check_inside(path, self._file)
            inputs = self._dataset("inputs", "uif", 4)
            responses = self._dataset("responses", "uif", 2)
            if len(inputs) != len(responses):
                raise UserError(
                    f"{path}: /responses has {len(responses)} trials, /inputs {len(inputs)}; allowed is the same number"
                )
            has_ids = "image_ids" in self._file
            self.image_ids = self._vector("image_ids", len(inputs), "trials") if has_ids else None
            self.unit_ids = self._vector("info/unit_ids", responses.shape[1], "neurons")
        except RAISED as error:
            raise damaged(path, error) from error
        channels, height, width = inputs.shape[1:]
        self.images: Rows = mapped(
            self._rows(inputs), (height, width, channels), inputs.dtype, lambda block: np.moveaxis(block, 1, -1)
        )
        self.responses = self._rows(responses)

    def _dataset(self, where: str, kinds: str, dimensions: int) -> h5py.Dataset:
        dataset = self._file.get(where)
        if not isinstance(dataset, h5py.Dataset):
            raise UserError(f"{self.path}: dataset /{where} is missing; a file of a scan must hold it")
        if dataset.dtype.kind not in kinds:
            raise UserError(f"{self.path}: /{where} holds {dataset.dtype}; allowed are numbers")
        if dataset.ndim != dimensions:
            raise UserError(
                f"{self.path}: /{where} has {dataset.ndim} dimensions, {dataset.shape}; allowed is {dimensions}"
            )
        check_size(self.path, dataset, where)
        return dataset

    def _vector(self, where: str, length: int, of: str) -> np.ndarray:
        dataset = self._dataset(where, "ui", 1)
        if len(dataset) != length:
            raise UserError(
                f"{self.path}: /{where} has {len(dataset)} values; allowed is one for each of {length} {of}"
            )
        return dataset[()].astype(np.int64)

    def _rows(self, dataset: h5py.Dataset) -> Rows:
        def read(start: int, stop: int) -> np.ndarray:
            try:
                return dataset[start:stop]
            except RAISED as error:
                raise damaged(self.path, error) from error

        return LazyArray(dataset.shape, dataset.dtype, read)


def _first_of_image(file: _File) -> np.ndarray:
    """(trials,) for each trial the first one that showed the same image."""
    if file.image_ids is None:
        raise UserError(f"{file.path}: dataset /image_ids is missing; a test file must hold it, for its repeats")
    return first_of_number(file.image_ids, file.images, f"{file.path}: /image_ids")


def _in_order(one: _File, other: _File) -> Rows:
    """Responses of another area in the order of the trials of the first: the k-th trial of an image is its k-th.

    Raises UserError where the two did not see the same images.
    """
    images, responses, same = other.images, other.responses, one.images.shape == other.images.shape
    if same and one.image_ids is not None and other.image_ids is not None:
        order = np.empty(len(responses), np.int64)
        order[np.argsort(one.image_ids, kind="stable")] = np.argsort(other.image_ids, kind="stable")
        same = np.array_equal(one.image_ids, other.image_ids[order])
        if (np.diff(order) != 1).any():
            images, responses = taken(images, order), taken(responses, order)
    if not same or not all(np.array_equal(block, images[rows]) for rows, block in chunks(one.images)):
        raise UserError(
            f"{other.path}: shows other images than {one.path.name}, or in an order that no image_ids tell; it is no "
            "area of it"
        )
    return responses


def _neurons(listed: list[Scan], opened: list[dict[str, _File]]) -> dict[str, np.ndarray]:
    numbers = []
    for scan in opened:
        for split in SPLITS:
            if not np.array_equal(scan[split].unit_ids, scan["train"].unit_ids):
                raise UserError(
                    f"{scan[split].path}: /info/unit_ids are others than in {scan['train'].path.name}; "
                    "allowed are the same neurons in one order"
                )
        numbers.append(scan["train"].unit_ids)
    columns = {"neuron_id": np.concatenate(numbers)}
    for name in listed[0].columns:
        values = [np.full(len(units), scan.columns[name]) for scan, units in zip(listed, numbers, strict=True)]
        columns[name] = np.concatenate(values)
    return with_ids(columns)


def _files_of_folder(folder: Path) -> dict[str, Path]:
    validation = folder / "validation.h5"
    if not validation.exists() and (folder / "val.h5").exists():
        validation = folder / "val.h5"
    return {"train": folder / FOLDER, "validation": validation, "test": folder / "test.h5"}


def _described(path: Path) -> Iterator[Scan]:
    from pipeline.experiments.yaml_file import read_yaml  # whose package imports what imports the readers

    entries = read_yaml(path, "docs/how-to/recordings.md").sequence("scans, each with train, validation and test")
    shared = None
    for entry in entries:
        given = entry.mapping([*SPLITS, *COLUMNS])
        missing = [split for split in SPLITS if split not in given]
        if missing:
            raise entry.error(f"has no file {missing[0]}; allowed are {', '.join(SPLITS)}")
        columns = {
            name: given[name].text(LONGEST_COLUMN) if kind is str else given[name].whole(0, 2**31 - 1)
            for name, kind in COLUMNS.items()
            if name in given
        }
        shared = columns.keys() if shared is None else shared
        if columns.keys() != shared:
            raise entry.error(
                f"has the columns {', '.join(columns) or 'none'}, the first scan {', '.join(shared) or 'none'}"
            )
        yield Scan({split: _beside(path, given[split]) for split in SPLITS}, columns)


def _beside(path: Path, node: Node) -> Path:
    """A file of the description's folder; any other could be one that its author may not read."""
    name = node.text(1000)
    folder = path.parent.resolve()
    found = (folder / name).resolve()
    if not found.is_relative_to(folder):
        raise node.error(f"{node.found()} lies outside the folder of this file; allowed are names of files in it")
    return path.parent / name
