"""Attributes and columns of neurons as HDF5 holds them, and as plain values of Python and numpy again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np


class UnstorableError(ValueError):
    """An attribute or column of neurons that HDF5 cannot hold."""


def refuse_unstorable(attributes: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> None:
    """Raises UnstorableError with the first attribute or column that HDF5 cannot hold, under its name or at all.

    What it holds only HDF5 knows, so they are put into a file in memory, of columns of numbers the type alone.
    """
    with h5py.File("trial", "w", driver="core", backing_store=False, track_order=True) as trial:
        for name, value in attributes.items():
            with _told("attribute", name, "\0"):
                trial.attrs[name] = storable(value)
        for name, column in columns.items():
            with _told("column of neurons", name, "\0/"):
                dataset = trial.create_dataset(name, column.shape, stored_type(column.dtype))
                if column.dtype.kind == "U":
                    dataset[...] = column.astype(dataset.dtype)


@contextmanager
def _told(kind: str, name: Any, not_in_name: str) -> Iterator[None]:
    try:
        if not isinstance(name, str) or set(name) & set(not_in_name):
            raise ValueError(f"its name is no text, or holds one of {not_in_name!r}")
        yield
    except (ValueError, TypeError, KeyError, RuntimeError, OSError) as error:
        raise UnstorableError(f"{kind} {name!r:.60} cannot be held by HDF5: {error}") from error


def stored_type(dtype: np.dtype) -> np.dtype:
    """The type of what is stored of numpy's; text is as long as it is."""
    return h5py.string_dtype() if dtype.kind == "U" else dtype


def column_of(dataset: h5py.Dataset) -> np.ndarray:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr()[()], dtype=str)
    return dataset[()]


def storable(value: Any) -> Any:
    """An attribute as HDF5 can hold it: numbers, text and lists of one of them as they are, all else as JSON."""
    value = plain(value)
    if isinstance(value, list) and (all(isinstance(one, str) for one in value) or _are_numbers(value, 2**63)):
        return [storable(one) for one in value]
    if _are_numbers([value], 2**64):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def plain(value: Any) -> Any:
    """Numpy scalars and byte strings of HDF5 attributes as plain Python values."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _are_numbers(values: list[Any], end: int) -> bool:
    """Whether they are, and the whole ones are among those before `end` that HDF5 has."""
    return all(isinstance(one, float) or (isinstance(one, int) and -(2**63) <= one < end) for one in values)
