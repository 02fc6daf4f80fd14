"""Training sets that are parts of a recording, or several recordings: their names tell what they are made of.

A name is that of a recording, of a part of one (NAME@125, NAME@half-1, NAME@neurons-1-of-2), or several of these with a
plus between them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import datajoint as dj

from pipeline.database.transaction import all_or_nothing
from pipeline.datasets import check_name
from pipeline.errors import UserError
from schemas.dataset import Dataset, TrainingSet

LONGEST_NAME = 64  # characters, as in the definition of `TrainingSet`


@dataclass(frozen=True)
class Part:
    """Which training trials and neurons of a recording count: the columns of `TrainingSet.Member`."""

    trials_per_mille: int = 1000
    num_parts: int = 1
    part: int = 1
    subset_seed: int = 0
    neuron_parts: int = 1
    neuron_part: int = 1

    def name(self, dataset: str) -> str:
        """The training set's name: NAME, NAME@125, NAME@half-1, NAME@part-2-of-3, NAME@125@seed-7, NAME@neurons-1-of-2.

        A recording's own name has no @, so that no part is ever taken for a recording.
        """
        words = [dataset]
        if self.num_parts == 2:
            words.append(f"half-{self.part}")
        elif self.num_parts != 1:
            words.append(f"part-{self.part}-of-{self.num_parts}")
        if self.trials_per_mille != 1000:
            words.append(str(self.trials_per_mille))
        if len(words) > 1 and self.subset_seed:
            words.append(f"seed-{self.subset_seed}")
        if self.neuron_parts != 1:
            words.append(f"neurons-{self.neuron_part}-of-{self.neuron_parts}")
        return "@".join(words)


WHOLE = Part()
WORDS = {  # of a part's name, with the columns that their numbers stand for
    r"(\d{1,19})": ("trials_per_mille",),
    r"half-(\d{1,19})": ("part",),
    r"part-(\d{1,19})-of-(\d{1,19})": ("part", "num_parts"),
    r"seed-(\d{1,19})": ("subset_seed",),
    r"neurons-(\d{1,19})-of-(\d{1,19})": ("neuron_part", "neuron_parts"),
}


def members_named(name: str) -> dict[str, Part]:
    """Recordings and parts that the name of a training set tells. Raises UserError where it is no such name."""
    members: dict[str, Part] = {}
    for text in name.split("+"):
        dataset, *words = text.split("@")
        part = Part(**{column: value for word in words for column, value in _columns(word).items()})
        if part.name(dataset) != text or not _is_possible(part):
            raise UserError(
                f"{text!r} names no part of a recording; allowed are NAME@125 (per mille of the trials), NAME@half-1, "
                "NAME@part-2-of-3, NAME@neurons-1-of-2, and @seed-7 behind a part of the trials"
            )
        if dataset in members:
            raise UserError(f"{name!r} names recording {dataset!r} twice; name it once")
        members[dataset] = part
    return members


def declare_training_set(members: Mapping[str, Part], name: str | None = None) -> str:
    """Declare a training set of parts of recordings, by the recordings' names, unless it is there; gives its name.

    name: by default it tells what it is made of.
    Raises UserError where there is no such recording, images are of several sizes, or the name is taken or too long.
    """
    return all_or_nothing(lambda: insert_members(members, name))


def insert_members(members: Mapping[str, Part], name: str | None = None) -> str:
    """The same, in the caller's transaction."""
    if not members or not all(map(_is_possible, members.values())):
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
    if len(name) > LONGEST_NAME:
        raise UserError(
            f"the training set {name!r} would have a name of {len(name)} characters; allowed are {LONGEST_NAME}, so "
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


def check_known(table: type[dj.Manual], name: str) -> None:
    """Raises UserError where there is no recording, or training set, of that name."""
    (attribute,) = table.primary_key
    # MySQL and MariaDB take names in capitals for the same, Python does not
    if name not in (table & {attribute: name}).to_arrays(attribute).tolist():
        known = ", ".join(table.to_arrays(attribute, order_by=attribute)) or "none yet"
        raise UserError(f"there is no recording {name!r} (there are: {known}); `hypercolumn ingest` declares one")


def _part_size(count: int, num_parts: int, part: int) -> int:
    """As `numpy.array_split` has it: the first parts are the larger ones."""
    return count // num_parts + (part <= count % num_parts)


def _columns(word: str) -> dict[str, int]:
    """The columns of `TrainingSet.Member` that a word of a part's name stands for; none for another word."""
    for pattern, columns in WORDS.items():
        if found := re.fullmatch(pattern, word, re.ASCII):
            values = dict(zip(columns, map(int, found.groups()), strict=True))
            return values | ({"num_parts": 2} if word.startswith("half-") else {})
    return {}


def _is_possible(part: Part) -> bool:
    parts = ((part.part, part.num_parts), (part.neuron_part, part.neuron_parts))
    return all(1 <= one <= count < 2**31 for one, count in parts) and (
        1 <= part.trials_per_mille <= 1000 and part.subset_seed < 2**63
    )
