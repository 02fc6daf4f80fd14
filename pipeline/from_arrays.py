"""Recordings from arrays in Python, by the same way as from files; `pipeline.add_recording` tells what they may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.lazy import LazyArray, Rows
from models.recording import Recording
from pipeline.database.connection import connect
from pipeline.datasets import add_recording
from pipeline.errors import UserError
from pipeline.names import check_name
from pipeline.readers import applied
from pipeline.readers.neurons import with_ids
from pipeline.readers.options import WITHOUT_TIMES, Options
from pipeline.readers.presentations import SPLITS, Presentations
from pipeline.readers.splits import first_of_number, same_content

READER = "arrays"
SOURCE = "add_recording"


def add_arrays(
    name: str,
    *,
    images: Any = None,
    responses: Any = None,
    image_ids: Any = None,
    split: Any = None,
    train: Any = None,
    validation: Any = None,
    test: Any = None,
    neurons: dict[str, Any] | None = None,
    attributes: dict[str, Any] | None = None,
    **options: Any,
) -> bool:
    """As `pipeline.add_recording` says."""
    check_name(name)
    all_trials = {"images": images, "responses": responses, "image_ids": image_ids, "split": split}
    sets = {"train": train, "validation": validation, "test": test}
    if (images is None) == (train is None):
        raise UserError(f"{SOURCE} was given {_given(all_trials | sets)}; allowed are images and responses, or train, "
                        "validation and test")  # fmt: skip
    mixed = sets if train is None else all_trials
    if any(value is not None for value in mixed.values()):
        raise UserError(
            f"{SOURCE} was given {_given(mixed)} beside {'images' if train is None else 'train'}; leave it out"
        )
    described: dict[str, Any] = {"attributes": dict(attributes or {})}
    if train is None:
        shares, split_of_trial = _split(split)
        chosen = Options.of(**options, split=shares)
        chosen.refuse(SOURCE, **WITHOUT_TIMES)
        trials = _presentations(images, responses, image_ids, split_of_trial)
        described["neurons"] = _neurons(neurons, trials["responses"].shape[1])
        recording = Presentations(**trials, **described).recording(chosen, SOURCE)
    else:
        chosen = Options.of(**options)
        chosen.refuse(SOURCE, **WITHOUT_TIMES)
        arrays = _sets(sets)
        described["neurons"] = _neurons(neurons, arrays["train_responses"].shape[1])
        recording = applied(Recording(**arrays, **described), chosen, SOURCE)
    connect()
    return add_recording(name, recording, reader=READER, options=chosen)


def _presentations(images: Any, responses: Any, image_ids: Any, split: np.ndarray | None) -> dict[str, Any]:
    shown, followed = _rows("images", images, (3, 4)), _rows("responses", responses, (2,))
    lengths = {"responses": len(followed)}
    if image_ids is not None:
        image_ids = _column(image_ids)
        if image_ids.dtype.kind not in "uifU" or (image_ids.dtype.kind == "f" and not np.isfinite(image_ids).all()):
            raise UserError(f"image_ids holds {image_ids.dtype}, or NaN; allowed are numbers or text for each trial")
        lengths["image_ids"] = image_ids.shape[0] if image_ids.ndim == 1 else 0
    if split is not None:
        lengths["split"] = len(split)
    for name, length in lengths.items():
        if length != len(shown):
            raise UserError(f"{name} has {length} trials, images {len(shown)}; allowed is the same number")
    return {
        "images": shown,
        "image_of_trial": same_content(shown)
        if image_ids is None
        else first_of_number(image_ids, shown, "image_ids", True if split is None else split != ""),
        "responses": followed,
        "split_of_trial": split,
    }


def _split(split: Any) -> tuple[Any, np.ndarray | None]:
    """Shares, or the split of each trial."""
    if split is None or isinstance(split, str):
        return split, None
    names = _column(split)
    if names.dtype.kind != "U":
        return split, None
    unknown = names[~np.isin(names, (*SPLITS, ""))]
    if names.ndim != 1 or len(unknown):
        found = repr(str(unknown[0])) if len(unknown) else f"the shape {names.shape}"
        raise UserError(
            f"split has {found}; allowed are train, validation, test and '' for each trial, or three shares"
        )
    return None, names


def _sets(sets: dict[str, Any]) -> dict[str, Any]:
    arrays: dict[str, Rows] = {}
    for split, pair in sets.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            found = "missing" if pair is None else f"no pair, {type(pair).__name__}"
            raise UserError(f"{split} is {found}; allowed are its images and its responses, ({split}_images, ...)")
        images, responses = _rows(f"{split}[0]", pair[0], (3, 4)), pair[1]
        responses = _rows(f"{split}[1]", responses, (2, 3) if split == "test" else (2,))
        arrays[f"{split}_images"] = images
        arrays[f"{split}_responses"] = responses if len(responses.shape) == 2 + (split == "test") else _once(responses)
    return arrays


def _once(responses: Rows) -> LazyArray:
    """Test responses (m, neurons) as one repeat."""
    return LazyArray((1, *responses.shape), responses.dtype, lambda start, stop: responses[:][None][start:stop])


def _rows(name: str, given: Any, dimensions: tuple[int, ...]) -> Rows:
    if given is None:
        raise UserError(f"{name} is missing; it must be an array")
    try:
        array = given if isinstance(getattr(given, "dtype", None), np.dtype) else np.asarray(given)
    except ValueError as error:
        raise UserError(f"{name} is no array ({error}); allowed are numbers of one shape") from error
    if array.dtype.kind not in "uif":
        raise UserError(f"{name} holds {array.dtype}; allowed are numbers")
    if len(array.shape) not in dimensions:
        allowed = " or ".join(map(str, dimensions))
        raise UserError(f"{name} has {len(array.shape)} dimensions, {tuple(array.shape)}; allowed is {allowed}")
    return array


def _neurons(given: dict[str, Any] | None, num_neurons: int) -> dict[str, np.ndarray]:
    columns = {str(name): _column(column) for name, column in (given or {}).items()}
    for name, column in columns.items():
        if column.dtype.kind not in "uifbU" or column.ndim < 1 or len(column) != num_neurons or "/" in name:
            raise UserError(
                f"neurons[{name!r}] is {column.dtype} {column.shape}; allowed are numbers or text, one for each of "
                f"{num_neurons} neurons"
            )
    if "neuron_id" in columns and not np.array_equal(with_ids(columns)["neuron_id"], columns["neuron_id"]):
        raise UserError("neurons['neuron_id'] is not one whole number a neuron; allowed is each number once")
    return with_ids(columns)


def _column(given: Any) -> np.ndarray:
    """An array of numbers or text, which pandas has as objects, and h5py as objects of bytes."""
    array = np.asarray(given)
    if array.dtype.kind not in "OS" or not all(isinstance(one, str | bytes) for one in array.flat):
        return array
    texts = [one if isinstance(one, str) else one.decode("utf-8", "replace") for one in array.flat]
    return np.array(texts, dtype=str).reshape(array.shape)


def _given(arguments: dict[str, Any]) -> str:
    return ", ".join(name for name, value in arguments.items() if value is not None) or "no arrays"
