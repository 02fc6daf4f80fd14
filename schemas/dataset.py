"""Recordings, their neurons, and what of them a model is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import datajoint as dj
import h5py
from datajoint.errors import MissingExternalFile

from models.recording import Recording
from models.room import total_memory
from schemas.codecs import CorruptFileError

SHARE_IN_MEMORY = 1 / 16  # of the machine's, for the arrays of one recording; what is larger is read chunk by chunk

schema = dj.Schema()


@schema
class Dataset(dj.Manual):
    definition = """
    # A recording: images that were shown and the responses of a population
    dataset_name    : varchar(64)       # chosen by who recorded it
    ---
    content_sha256  : char(64)          # over the arrays, not the bytes of the file
    num_neurons     : int32
    image_height    : int32             # pixels
    image_width     : int32             # pixels
    num_train       : int32             # images
    num_validation  : int32             # images
    num_test        : int32             # images
    num_repeats     : int32             # largest number of repeats of a test image
    attributes      : json              # of the file: description, citation, license, ...
    warnings        : json              # what was noticed when it came in, a list of lines
    recording       : <object@main>     # the HDF5 file itself
    reader = 'hdf5' : varchar(32)       # format of the file that it was read from
    reader_options=null : json          # what of the reader's options was chosen, by name; null: nothing
    ingested        : datetime          # UTC
    """

    class Neuron(dj.Part):
        definition = """
        # A neuron of a recording; the columns from kind on are known only of simulated neurons
        -> master
        neuron_id               : int64     # the lab's number of it
        ---
        neuron_index            : int32     # column of the response arrays
        mean_response           : float64   # over the training set, in the recording's unit
        is_silent               : bool      # without any response in the training set
        kind=null               : varchar(64)   # simple, complex, end-stopped, ...
        x=null                  : float64   # centre of the receptive field, pixels from the left
        y=null                  : float64   # centre of the receptive field, pixels from the top
        orientation=null        : float64   # of the preferred stripes, radians
        spatial_frequency=null  : float64   # preferred, cycles per pixel
        expected_rate=null      : <blob>    # (num_test,) noise-free response to each test image
        properties              : json      # further columns of the file: area, layer, depth, ...
        """

    def load(self) -> Recording:
        """The recording of the one row that is left, from the store; a large one stays there until it is looked at.

        Raises CorruptFileError where the stored arrays are not those that were ingested.
        """
        return _read(*self.fetch1("dataset_name", "content_sha256", "recording"))


@dataclass(frozen=True)
class Source:
    """A recording and which of its training trials count; equal ones give equal arrays."""

    dataset_name: str
    content_sha256: str  # of the whole recording
    trials_per_mille: int
    num_parts: int
    part: int
    subset_seed: int
    recording: Any = field(compare=False, repr=False)  # its file in the store

    @property
    def is_whole(self) -> bool:
        return (self.trials_per_mille, self.num_parts) == (1000, 1)

    def load(self) -> Recording:
        """Raises CorruptFileError where the stored arrays are not those that were ingested."""
        return _read(self.dataset_name, self.content_sha256, self.recording).training_part(
            per_mille=self.trials_per_mille, part=self.part, num_parts=self.num_parts, seed=self.subset_seed
        )


@schema
class TrainingSet(dj.Manual):
    definition = """
    # What a model is trained on: a recording, a part of one, or several
    training_set    : varchar(64)       # a recording is a training set of its own name
    """

    class Member(dj.Part):
        definition = """
        # A recording of a training set and which of its training trials count
        -> master
        -> Dataset
        ---
        trials_per_mille = 1000 : int32     # share of the training trials, in whole per mille
        num_parts = 1           : int32     # parts that the training trials are cut into
        part = 1                : int32     # which of them, from 1
        subset_seed = 0         : int64     # which trials fall into the share or the part
        """

    def neurons(self) -> list[dict]:
        """Keys of the neurons of the one training set that is left, in the order of the response arrays."""
        dataset = (self.Member & self.proj()).fetch1("dataset_name")
        ids = (Dataset.Neuron & {"dataset_name": dataset}).to_arrays("neuron_id", order_by="neuron_index")
        return [{"dataset_name": dataset, "neuron_id": int(neuron_id)} for neuron_id in ids]

    def source(self) -> Source:
        """What the one training set that is left is made of."""
        recordings = Dataset.proj("content_sha256", "recording")
        members = (self.Member * recordings & self.proj()).to_dicts(order_by="dataset_name")
        if len(members) != 1:
            names = ", ".join(member["dataset_name"] for member in members)
            raise dj.DataJointError(f"a training set of one recording is needed, this one has {len(members)}: {names}")
        return Source(**{name: value for name, value in members[0].items() if name != "training_set"})

    def load(self) -> Recording:
        """The recording of the one training set that is left, with the training trials that count."""
        return self.source().load()


def _read(name: str, sha256: str, stored: Any) -> Recording:
    recording = Recording.lazy(partial(_opened, name, stored))
    if recording.nbytes <= SHARE_IN_MEMORY * total_memory():
        recording = recording.in_memory()
    if recording.content_sha256() != sha256:
        raise CorruptFileError(f"{stored.path}: the arrays of {name} are not those that were ingested")
    return recording


@contextmanager
def _opened(name: str, stored: Any) -> Iterator[h5py.File]:
    """The file in the store, of which only what is asked for is read."""
    try:
        content = stored.open()
    except FileNotFoundError:
        raise MissingExternalFile(f"Missing external file {stored.full_path}") from None
    try:
        with content, h5py.File(content, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:  # what h5py raises for a damaged file
        raise CorruptFileError(f"{stored.path}: the file of {name} is damaged ({error})") from error
