"""Parts of recordings, and the names of training sets that are made of them.

A name is that of a recording, of a part of one (NAME@125, NAME@half-1, NAME@neurons-1-of-2), or several of these with a
plus between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.errors import UserError


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
        if part.name(dataset) != text or not is_possible(part):
            raise UserError(
                f"{text!r} names no part of a recording; allowed are NAME@125 (per mille of the trials), NAME@half-1, "
                "NAME@part-2-of-3, NAME@neurons-1-of-2, and @seed-7 behind a part of the trials"
            )
        if dataset in members:
            raise UserError(f"{name!r} names recording {dataset!r} twice; name it once")
        members[dataset] = part
    return members


def _columns(word: str) -> dict[str, int]:
    """The columns of `TrainingSet.Member` that a word of a part's name stands for; none for another word."""
    for pattern, columns in WORDS.items():
        if found := re.fullmatch(pattern, word, re.ASCII):
            values = dict(zip(columns, map(int, found.groups()), strict=True))
            return values | ({"num_parts": 2} if word.startswith("half-") else {})
    return {}


def is_possible(part: Part) -> bool:
    """Whether a recording could have such a part."""
    parts = ((part.part, part.num_parts), (part.neuron_part, part.neuron_parts))
    return all(1 <= one <= count < 2**31 for one, count in parts) and (
        1 <= part.trials_per_mille <= 1000 and part.subset_seed < 2**63
    )
