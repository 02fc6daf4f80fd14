"""Training sets that are parts of a recording, or several recordings, and how large they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

from pipeline.database.transaction import all_or_nothing
from pipeline.errors import UserError
from pipeline.names import LONGEST, check_known, check_name
from pipeline.parts import Part, is_possible, members_named
from schemas.dataset import Dataset, TrainingSet


def declare_training_set(members: Mapping[str, Part], name: str | None = None) -> str:
    """Declare a training set of parts of recordings, by the recordings' names, unless it is there; gives its name.

    name: by default it tells what it is made of.
    Raises UserError where there is no such recording, images are of several sizes, or the name is taken or too long.
    """
    return all_or_nothing(lambda: insert_members(members, name))


def insert_members(members: Mapping[str, Part], name: str | None = None) -> str:
    """The same, in the caller's transaction."""
    if not members or not all(map(is_possible, members.values())):
        raise UserError(f"{dict(members)} is no part of recordings; see docs/how-to/several-recordings.md")
    for dataset in members:
        check_known(Dataset, dataset)
    if name is not None:
        check_name(name)
    return _insert(members, name or "+".join(members[dataset].name(dataset) for dataset in sorted(members)))


def insert_named_set(name: str, called: str | None = None) -> str:
    """Insert the training set that a name tells, in the caller's transaction, unless it is there; gives its name.

    called: another name for it.
    Raises UserError where there is no recording, or training set, of that name.
    """
    if called is not None:
        return insert_members(members_named(name), called)
    if set(name) & set("@+") and not TrainingSet & {"training_set": name}:
        return insert_members(members_named(name))
    check_known(TrainingSet, name)
    return name


def of_several() -> list[dict[str, str]]:
    """Keys of the training sets of more than one recording."""
    counts = Counter(TrainingSet.Member.to_arrays("training_set").tolist())
    return [{"training_set": name} for name, count in counts.items() if count > 1]


def of_other_neurons() -> list[dict[str, str]]:
    """Keys of the training sets that are not of all neurons of one recording: their losses are of others."""
    return of_several() + (TrainingSet.Member & "neuron_parts > 1").proj().keys()


def insert_part(dataset: str, part: Part) -> str:
    """Insert the training set of a part, in the caller's transaction, unless it is there already; gives its name."""
    return _insert({dataset: part}, part.name(dataset))


def _insert(members: Mapping[str, Part], name: str) -> str:
    if len(name) > LONGEST:
        raise UserError(
            f"the training set {name!r} would have a name of {len(name)} characters; allowed are {LONGEST}, so "
            + ("name it yourself (--as)" if len(members) > 1 else "this recording needs a shorter name")
        )
    rows = [{"training_set": name, "dataset_name": dataset} | asdict(part) for dataset, part in members.items()]
    if not TrainingSet & {"training_set": name}:
        _check_sizes(members)
        TrainingSet.insert1({"training_set": name})
        TrainingSet.Member.insert(rows)
    elif len(TrainingSet.Member & rows) < len(rows) or len(TrainingSet.Member & {"training_set": name}) > len(rows):
        raise UserError(
            f"training set {name!r} is in this database with other members; delete it, or choose another name"
            if len(members) > 1
            else f"training set {name!r} is in this database with other trials; delete it, or rename the recording"
        )
    return name


def _check_sizes(members: Mapping[str, Part]) -> None:
    """Raises UserError where images are not of one size, or a part has no neuron."""
    names = [{"dataset_name": dataset} for dataset in members]
    rows = (Dataset & names).proj("image_height", "image_width", "num_neurons").to_dicts(order_by="dataset_name")
    if len({(row["image_height"], row["image_width"]) for row in rows}) > 1:
        sizes = ", ".join(f"{row['dataset_name']} {row['image_height']} x {row['image_width']}" for row in rows)
        raise UserError(
            f"recordings that share a core need images of one size, in pixels, and have {sizes}; ingest the others "
            "once more, under other names, at that size (`hypercolumn ingest --size`)"
        )
    for row in rows:
        if row["num_neurons"] < members[row["dataset_name"]].neuron_part:
            raise UserError(
                f"recording {row['dataset_name']!r} has {row['num_neurons']} neurons, too few for so many parts; "
                f"allowed are {row['num_neurons']} parts"
            )


def num_images(training_set: str) -> int:
    """How many training images it has; of several recordings, the one that has fewest."""
    return min(
        round(_part_size(row["num_train"], row["num_parts"], row["part"]) * row["trials_per_mille"] / 1000)
        for row in (TrainingSet.Member * Dataset.proj("num_train") & {"training_set": training_set}).to_dicts()
    )


def _part_size(count: int, num_parts: int, part: int) -> int:
    """As `numpy.array_split` has it: the first parts are the larger ones."""
    return count // num_parts + (part <= count % num_parts)
