"""Recordings, their neurons, and what of them a model is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import datajoint as dj

from models.recording import Recording
from schemas import stored_recording

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
        """The recording of the one row that is left; raises what `stored_recording.read` does."""
        return stored_recording.read(*self.fetch1("dataset_name", "content_sha256", "recording"))


@dataclass(frozen=True)
class Source:
    """A recording and which of its training trials and neurons count; equal ones give equal arrays."""

    dataset_name: str
    content_sha256: str  # of the whole recording
    trials_per_mille: int
    num_parts: int
    part: int
    subset_seed: int
    recording: Any = field(compare=False, repr=False)  # its file in the store
    neuron_parts: int = 1
    neuron_part: int = 1

    @property
    def is_whole(self) -> bool:
        return (self.trials_per_mille, self.num_parts, self.neuron_parts) == (1000, 1, 1)

    def load(self) -> Recording:
        """Raises CorruptFileError where the stored arrays are not those that were ingested."""
        whole = stored_recording.read(self.dataset_name, self.content_sha256, self.recording)
        return whole.neurons_part(part=self.neuron_part, num_parts=self.neuron_parts).training_part(
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
        # A recording of a training set, and which of its training trials and neurons count
        -> master
        -> Dataset
        ---
        trials_per_mille = 1000 : int32     # share of the training trials, in whole per mille
        num_parts = 1           : int32     # parts that the training trials are cut into
        part = 1                : int32     # which of them, from 1
        subset_seed = 0         : int64     # which trials fall into the share or the part
        neuron_parts = 1        : int32     # parts that the neurons are dealt out to, one after the other
        neuron_part = 1         : int32     # which of them, from 1
        """

    def neurons(self) -> list[dict]:
        """Keys of the neurons of the one training set that is left, in the order of the response arrays."""
        keys = []
        for member in self._members().values():
            dataset = {"dataset_name": member["dataset_name"]}
            ids = (Dataset.Neuron & dataset).to_arrays("neuron_id", order_by="neuron_index")
            keys += [dataset | {"neuron_id": int(neuron_id)} for neuron_id in ids[_neurons_of(member)]]
        return keys

    def shapes(self) -> tuple[tuple[int, int], dict[str, int]]:
        """(height, width) of the images of the one training set that is left, and how many neurons of each recording.

        Those of its recordings are of one size: others are not declared.
        """
        sizes = Dataset.proj("num_neurons", "image_height", "image_width")
        members = self._members(sizes)
        first = next(iter(members.values()))
        counts = {name: len(range(row["num_neurons"])[_neurons_of(row)]) for name, row in members.items()}
        return (first["image_height"], first["image_width"]), counts

    def sources(self) -> dict[str, Source]:
        """What the one training set that is left is made of, by the names of recordings in their order."""
        members = self._members(Dataset.proj("content_sha256", "recording"))
        return {
            name: Source(**{column: value for column, value in row.items() if column != "training_set"})
            for name, row in members.items()
        }

    def load(self, dataset_name: str | None = None) -> Recording:
        """The recording of the one training set that is left, with the trials and neurons that count.

        dataset_name: which of its recordings; one that has several needs it.
        """
        sources = self.sources()
        if dataset_name is None and len(sources) != 1:
            raise dj.DataJointError(
                f"a training set of one recording is needed, this one has {len(sources)}: {', '.join(sources)}"
            )
        if dataset_name is not None and dataset_name not in sources:
            raise dj.DataJointError(f"the training set has no {dataset_name!r}, only {', '.join(sources)}")
        return sources[dataset_name or next(iter(sources))].load()

    def _members(self, columns: Any = None) -> dict[str, dict]:
        """Rows of `Member` with columns of `Dataset`, by the names of recordings.

        They are in an order that is the same on every server; raises DataJointError where there are none.
        """
        members = self.Member & self.proj()
        rows = (members if columns is None else members * columns).to_dicts()
        if not rows:
            raise dj.DataJointError("a training set with recordings is needed, this one has 0")
        return {row["dataset_name"]: row for row in sorted(rows, key=lambda row: row["dataset_name"])}


def joint_sha256(digests: Mapping[str, str]) -> str:
    """Of one recording its own digest; of several one over their names and digests."""
    if len(digests) == 1:
        return next(iter(digests.values()))
    return hashlib.sha256("".join(f"{name} {digests[name]}\n" for name in sorted(digests)).encode()).hexdigest()


def _neurons_of(member: dict) -> slice:
    """Which neurons of its recording a member has."""
    return slice(member["neuron_part"] - 1, None, member["neuron_parts"])
