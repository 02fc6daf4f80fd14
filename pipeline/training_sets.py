"""Training sets that are parts of a recording: rows of `TrainingSet`, named after the recording and the part."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import datajoint as dj

from pipeline.errors import UserError
from schemas.dataset import Dataset, TrainingSet

LONGEST_NAME = 64  # characters, as in the definition of `TrainingSet`


@dataclass(frozen=True)
class Part:
    """Which training trials of a recording count: the columns of `TrainingSet.Member`."""

    trials_per_mille: int = 1000
    num_parts: int = 1
    part: int = 1
    subset_seed: int = 0

    def name(self, dataset: str) -> str:
        """The training set's name: NAME, NAME@125, NAME@half-1, NAME@part-2-of-3, NAME@125@seed-7, ...

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
        return "@".join(words)


WHOLE = Part()


def insert_part(dataset: str, part: Part) -> str:
    """Insert the training set of a part, in the caller's transaction, unless it is there already; gives its name."""
    name = part.name(dataset)
    if len(name) > LONGEST_NAME:
        raise UserError(
            f"the training set {name!r} would have a name of {len(name)} characters; allowed are {LONGEST_NAME}, so "
            "this recording needs a shorter name"
        )
    if not TrainingSet & {"training_set": name}:
        TrainingSet.insert1({"training_set": name})
        TrainingSet.Member.insert1({"training_set": name, "dataset_name": dataset} | asdict(part))
    elif not TrainingSet.Member & ({"training_set": name, "dataset_name": dataset} | asdict(part)):
        raise UserError(
            f"training set {name!r} is in this database with other trials; delete it, or rename the recording"
        )
    return name


def num_images(training_set: str) -> int:
    """How many training images it has, over all of its members."""
    return sum(
        round(_part_size(row["num_train"], row["num_parts"], row["part"]) * row["trials_per_mille"] / 1000)
        for row in (TrainingSet.Member * Dataset.proj("num_train") & {"training_set": training_set}).to_dicts()
    )


def check_known(table: type[dj.Manual], name: str) -> None:
    """Raises UserError where there is no recording, or training set, of that name."""
    (attribute,) = table.primary_key
    if not table & {attribute: name}:
        known = ", ".join(table.to_arrays(attribute, order_by=attribute)) or "none yet"
        raise UserError(f"there is no recording {name!r} (there are: {known}); bring it in with `hypercolumn ingest`")


def _part_size(count: int, num_parts: int, part: int) -> int:
    """As `numpy.array_split` has it: the first parts are the larger ones."""
    return count // num_parts + (part <= count % num_parts)
