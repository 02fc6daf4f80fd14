"""The static layout of Sensorium 2022 and of Lurz et al. 2021, as a folder or a zip archive:

data/images/<trial>.npy             (channels, height, width), 1 or 3 channels; trials count from 0
data/responses/<trial>.npy          (neurons,)
meta/trials/tiers.npy               (trials,) "train", "validation" or "test"; trials of others are left out
meta/trials/frame_image_id.npy      (trials,) which image was shown; without it, images are told by their content
meta/neurons/<column>.npy           (neurons, ...): unit_ids, area, layer, ...
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.lazy import LazyArray
from pipeline.errors import UserError
from pipeline.readers.neurons import with_ids
from pipeline.readers.options import WITHOUT_TIMES, Options
from pipeline.readers.presentations import SPLITS, Presentations
from pipeline.readers.splits import first_of_number, same_content
from pipeline.readers.trees import Tree, open_tree

name = "sensorium"
IMAGES, RESPONSES, TRIALS, NEURONS = "data/images", "data/responses", "meta/trials", "meta/neurons"
# What the releases call the number of an image and, where numbers are not unique without it, what kind it is of.
LARGEST_COLUMN = 2**26  # bytes, of texts
IMAGE_IDS = {
    "frame_image_id": "frame_image_class",
    "image_id": "image_class",
    "colorframeprojector_image_id": "colorframeprojector_image_class",
}


def recognises(path: Path) -> bool:
    """A folder with data/images, or a zip archive."""
    try:
        return (path / IMAGES).is_dir() or (path.suffix == ".zip" and zipfile.is_zipfile(path))
    except OSError:
        return False


def read(path: Path, options: Options) -> Presentations:
    """Raises UserError with one line about the first fault."""
    options.refuse(str(path), **WITHOUT_TIMES)
    tree = open_tree(path, IMAGES)
    num_trials = _num_trials(path, tree)
    images = _stacked(path, tree, IMAGES, num_trials, _channels_last)
    responses = _stacked(path, tree, RESPONSES, num_trials, np.atleast_1d)
    if len(responses.shape) != 2:
        raise UserError(f"{path}: {RESPONSES}/0.npy has the shape {responses.shape[1:]}; allowed is (neurons,)")
    split, left_out = _split(path, tree, num_trials)
    neurons, no_columns = _neurons(tree, responses.shape[1])
    return Presentations(
        images=images,
        image_of_trial=_image_of_trial(path, tree, images, split),
        responses=responses,
        split_of_trial=split,
        neurons=neurons,
        attributes={"name": path.stem, "left_out": left_out + no_columns},
    )


def _num_trials(path: Path, tree: Tree) -> int:
    """Number of trials, each of which has its image and its response."""
    counts = []
    for folder in (IMAGES, RESPONSES):
        numbers = {name for name in tree.names(folder) if name.endswith(".npy") and not name.startswith(".")}
        if not numbers:
            raise UserError(f"{path}: has no files {folder}/0.npy, {folder}/1.npy, ...; one for each trial is needed")
        missing = next((f"{trial}.npy" for trial in range(len(numbers)) if f"{trial}.npy" not in numbers), None)
        if missing:
            raise UserError(f"{path}: {folder} has {len(numbers)} files, and not {missing}; trials count from 0")
        counts.append(len(numbers))
    if counts[0] != counts[1]:
        raise UserError(f"{path}: {IMAGES} has {counts[0]} trials, {RESPONSES} {counts[1]}; allowed is the same number")
    return counts[0]


def _stacked(
    path: Path, tree: Tree, folder: str, num_trials: int, change: Callable[[np.ndarray], np.ndarray]
) -> LazyArray:
    """The arrays of all trials; a file is opened when its trial is asked for."""
    first = change(tree.array(f"{folder}/0.npy"))
    if first.dtype.kind not in "uif":
        raise UserError(f"{path}: {folder}/0.npy holds {first.dtype}; allowed are numbers")

    def read(start: int, stop: int) -> np.ndarray:
        found = np.empty((stop - start, *first.shape), first.dtype)
        for place, trial in enumerate(range(start, stop)):
            array = change(tree.array(f"{folder}/{trial}.npy"))
            if array.shape != first.shape or array.dtype != first.dtype:
                raise UserError(
                    f"{path}: {folder}/{trial}.npy is {array.dtype} {array.shape}, that of trial 0 is {first.dtype} "
                    f"{first.shape}; allowed is one shape and type"
                )
            found[place] = array
        return found

    return LazyArray((num_trials, *first.shape), first.dtype, read)


def _channels_last(image: np.ndarray) -> np.ndarray:
    return np.moveaxis(image, 0, -1) if image.ndim == 3 else image


def _split(path: Path, tree: Tree, num_trials: int) -> tuple[np.ndarray | None, list[str]]:
    """(trials,) the split of each, None where there is none; and what was left out."""
    if "tiers.npy" not in tree.names(TRIALS):
        return None, []
    tiers = _column(path, tree, "tiers", num_trials)
    if tiers.dtype.kind != "U":
        raise UserError(f"{path}: {TRIALS}/tiers.npy holds {tiers.dtype}; allowed is text, train, validation and test")
    others, counts = np.unique(tiers[~np.isin(tiers, SPLITS)], return_counts=True)
    left_out = [f"{count} trials of the tier {tier!r}" for tier, count in zip(others.tolist(), counts, strict=True)]
    return np.where(np.isin(tiers, SPLITS), tiers, ""), left_out


def _image_of_trial(path: Path, tree: Tree, images: LazyArray, split: np.ndarray | None) -> np.ndarray:
    """(trials,) for each trial the first one that showed the same image."""
    present = tree.names(TRIALS)
    for ids, kinds in IMAGE_IDS.items():
        if f"{ids}.npy" in present:
            numbers = _column(path, tree, ids, len(images))
            if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
                continue
            _, codes = np.unique(numbers, return_inverse=True)
            if f"{kinds}.npy" in present:
                _, kind = np.unique(_column(path, tree, kinds, len(images)), return_inverse=True)
                codes = codes + kind * (codes.max() + 1)
            is_used = True if split is None else split != ""
            return first_of_number(codes, images, f"{path}: {TRIALS}/{ids}.npy", is_used)
    return same_content(images)


def _column(path: Path, tree: Tree, name: str, num_trials: int) -> np.ndarray:
    """(trials,) what is known of each trial."""
    column = _text(tree.array(f"{TRIALS}/{name}.npy"))
    if column.shape != (num_trials,):
        raise UserError(f"{path}: {TRIALS}/{name}.npy has the shape {column.shape}; allowed is ({num_trials},)")
    return column


def _neurons(tree: Tree, num_neurons: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """The columns of neurons, and what was left out since it has no value for each neuron, or pickled ones."""
    columns, left_out = {}, []
    for file in sorted(tree.names(NEURONS)):
        if not file.endswith(".npy") or file.startswith("."):
            continue
        try:
            column = _text(tree.array(f"{NEURONS}/{file}"))
        except UserError as error:
            left_out.append(str(error))
            continue
        if column.ndim < 1 or len(column) != num_neurons:
            left_out.append(f"{NEURONS}/{file} of the shape {column.shape} for {num_neurons} neurons")
            continue
        columns["neuron_id" if file == "unit_ids.npy" else file.removesuffix(".npy")] = column
    return with_ids(columns), left_out


def _text(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind in "SU" and 4 * array.nbytes > LARGEST_COLUMN:
        raise UserError(f"texts of {array.dtype} would take {4 * array.nbytes >> 20} MB")
    return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
