"""A recording: images that were shown and the responses of a population of neurons, as arrays.

One HDF5 file is one recording:

    /train/images           (n, height, width)     uint8 or float32
    /train/responses        (n, neurons)           float32, >= 0 up to numerical noise
    /validation/images, /validation/responses      the same
    /test/images            (m, height, width)
    /test/responses         (repeats, m, neurons)  float32, NaN where a repeat was not shown
    /neurons/<column>       (neurons, ...)         neuron_id and whatever else is known of each neuron
    attributes              name, description, citation, license, ...

`Recording` holds what the file holds, as it is; normalisation happens in `models.data`. Its arrays may be larger than
memory (see `models.lazy`): what is done here with all of one is done chunk by chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from models.hdf5_values import column_of, plain, refuse_unstorable, storable, stored_type
from models.lazy import LazyArray, Rows, chunks, nbytes, taken
from models.steady_file import SteadyFile

ARRAYS = {
    "train_images": "train/images",
    "train_responses": "train/responses",
    "validation_images": "validation/images",
    "validation_responses": "validation/responses",
    "test_images": "test/images",
    "test_responses": "test/responses",
}


@dataclass(frozen=True, eq=False)
class Recording:
    """The arrays of one recording (shapes above), the columns of its neurons and its attributes."""

    train_images: Rows
    train_responses: Rows
    validation_images: Rows
    validation_responses: Rows
    test_images: Rows
    test_responses: Rows
    neurons: dict[str, np.ndarray] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def num_neurons(self) -> int:
        return self.train_responses.shape[1]

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.train_images.shape[1], self.train_images.shape[2]

    @property
    def neuron_id(self) -> np.ndarray:
        """(neurons,) int64: the lab's numbers of the neurons, or 0, 1, ... where it gave none."""
        given = self.neurons.get("neuron_id")
        return np.arange(self.num_neurons) if given is None else given.astype(np.int64)

    @property
    def test_repeats(self) -> np.ndarray:
        """(m, neurons): how often each test image was shown to each neuron."""
        repeats = np.zeros(self.test_responses.shape[1:], np.int32)
        for _, responses in chunks(self.test_responses):
            repeats += np.isfinite(responses).sum(axis=0, dtype=np.int32)
        return repeats

    @property
    def nbytes(self) -> int:
        """What the six arrays take, or would take, in memory."""
        return sum(nbytes(getattr(self, name)) for name in ARRAYS)

    def training_part(self, *, per_mille: int = 1000, part: int = 1, num_parts: int = 1, seed: int = 0) -> Recording:
        """The same recording with some of its training trials: the `part`-th (from 1) of `num_parts` equal parts,
        and of that a share in whole per mille. `seed` shuffles the trials, whose order is then kept."""
        trials = np.random.default_rng(seed).permutation(len(self.train_images))
        trials = np.array_split(trials, num_parts)[part - 1]
        kept = np.sort(trials[: round(len(trials) * per_mille / 1000)])
        if len(kept) == len(self.train_images):
            return self
        images, responses = taken(self.train_images, kept), taken(self.train_responses, kept)
        return replace(self, train_images=images, train_responses=responses)

    def neurons_part(self, *, part: int, num_parts: int) -> Recording:
        """The same recording with the neurons whose number, from 0, modulo `num_parts` is `part` - 1."""
        if num_parts == 1:
            return self
        own = slice(part - 1, None, num_parts)
        responses: dict[str, Any] = {
            name: _columns(getattr(self, name), own) for name in ARRAYS if name.endswith("responses")
        }
        columns = {name: column[own] for name, column in self.neurons.items()}
        return replace(self, **responses, neurons=columns | {"neuron_id": self.neuron_id[own]})

    def content_sha256(self) -> str:
        """SHA-256 over names, types, shapes and values of all arrays; the file's bytes do not count."""
        digest = hashlib.sha256()
        for name, array in sorted(self._arrays().items()):
            if array.dtype.kind == "U":  # the width of numpy's strings is not part of the content
                digest.update(f"{name} text {array.shape}\n".encode())
                digest.update("\0".join(array[:].ravel().tolist()).encode())
                continue
            stored = array.dtype.newbyteorder("<")
            digest.update(f"{name} {stored.str} {array.shape}\n".encode())
            for _, values in chunks(array):
                digest.update(np.ascontiguousarray(values, dtype=stored).data)
        return digest.hexdigest()

    def write(self, path: Path | str | BinaryIO) -> None:
        """Write the recording as one compressed HDF5 file.

        Raises OSError where there is no room for it, and UnstorableError, before anything is written, where HDF5 cannot
        hold one of its attributes or columns.
        """
        refuse_unstorable(self.attributes, self.neurons)
        with _opened(path) as content, SteadyFile(content) as steady, h5py.File(steady, "w", track_order=True) as file:
            file.attrs.update({name: storable(value) for name, value in self.attributes.items()})
            for name, array in self._arrays().items():
                compression = {"compression": "gzip", "shuffle": True} if nbytes(array) > 4096 else {}
                stored = stored_type(array.dtype)
                dataset = file.create_dataset(name, array.shape, stored, **compression)
                # whole chunks of the file, or it would compress some twice
                for rows, values in chunks(array, multiple=dataset.chunks[0] if dataset.chunks else 1):
                    dataset[rows] = values.astype(stored, copy=False)
                    steady.check()

    @classmethod
    def read(cls, path: Path | str | BinaryIO) -> Recording:
        """Read a file that is known to be good; `pipeline.readers` checks those that are not.

        Numbers of other types than the layout's become float32.
        """
        with h5py.File(path, "r") as file:
            return cls.lazy(lambda: nullcontext(file)).in_memory()

    @classmethod
    def lazy(cls, opened: Callable[[], AbstractContextManager[h5py.File]]) -> Recording:
        """The same without its arrays in memory: `opened` gives the file anew whenever rows are read, and closes it."""
        with opened() as file:
            arrays = {name: _rows(opened, where, file[where]) for name, where in ARRAYS.items()}
            columns = file.get("neurons", {})
            neurons = {name: column_of(columns[name]) for name in columns}
            attributes = {name: plain(value) for name, value in file.attrs.items()}
        return cls(**arrays, neurons=neurons, attributes=attributes)

    def in_memory(self) -> Recording:
        """The same with all of its arrays in memory."""
        return replace(self, **{name: getattr(self, name)[:] for name in ARRAYS})

    def _arrays(self) -> dict[str, Rows]:
        columns = {f"neurons/{name}": column for name, column in self.neurons.items()}
        return {where: getattr(self, name) for name, where in ARRAYS.items()} | columns


def _opened(path: Path | str | BinaryIO) -> AbstractContextManager[Any]:
    """To be written and read, with nothing kept back."""
    return Path(path).open("w+b", buffering=0) if isinstance(path, str | Path) else nullcontext(path)


def _rows(opened: Callable[[], AbstractContextManager[h5py.File]], where: str, dataset: h5py.Dataset) -> LazyArray:
    is_image = dataset.dtype == np.uint8 and where.endswith("images")
    dtype = np.uint8 if is_image else np.float32

    def read(start: int, stop: int) -> np.ndarray:
        # what is too large for float32 becomes infinity
        with opened() as file, np.errstate(over="ignore"):
            return file[where][start:stop].astype(dtype, copy=False)

    return LazyArray(dataset.shape, dtype, read)


def _columns(array: Rows, own: slice) -> Rows:
    """Some of the neurons of responses (..., neurons), read when they are asked for if the others are."""
    if isinstance(array, np.ndarray):
        return array[..., own]
    shape = (*array.shape[:-1], len(range(*own.indices(array.shape[-1]))))
    return LazyArray(shape, array.dtype, lambda start, stop: array[start:stop][..., own])
