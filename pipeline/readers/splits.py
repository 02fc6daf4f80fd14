"""A split of the images into training, validation and test set, for files that have none."""

from __future__ import annotations

import hashlib

import numpy as np

from models.lazy import Rows, chunks
from pipeline.errors import UserError

FEWEST = 3  # images: one for each set


def split_by_share(
    images: Rows, image_of_trial: np.ndarray, shares: tuple[float, float, float], seed: int, source: str
) -> np.ndarray:
    """(trials,) "train", "validation" or "test".

    The shares are of images that differ in their content; all trials of one, and all its copies, go to one set. The
    images that were shown most often make the test set, since only there repeats count; among those that were shown
    as often, and for the validation set, `seed` draws.
    """
    content = same_content(images)[image_of_trial]
    different, first, content = np.unique(content, return_index=True, return_inverse=True)
    if len(different) < FEWEST:
        raise UserError(f"{source}: {len(different)} different images cannot be split; allowed are {FEWEST} or more")
    by_first_trial = np.argsort(first)
    shown = np.bincount(content)
    drawn = by_first_trial[np.random.default_rng(seed).permutation(len(different))]
    num_validation, num_test = (max(1, round(share * len(different))) for share in shares[1:])
    if num_validation + num_test >= len(different):
        raise UserError(
            f"{source}: of {len(different)} different images, {shares} leaves none for the training set; give it more"
        )
    test = drawn[np.argsort(-shown[drawn], kind="stable")][:num_test]
    validation = drawn[~np.isin(drawn, test)][:num_validation]
    split = np.full(len(different), "train", dtype="U10")
    split[validation], split[test] = "validation", "test"
    return split[content]


def same_content(images: Rows) -> np.ndarray:
    """(images,) for each image the number of the first one with the same pixels."""
    first: dict[bytes, int] = {}
    numbers = np.empty(len(images), np.int64)
    for rows, block in chunks(images):
        for number, image in zip(range(rows.start, rows.stop), block, strict=True):
            numbers[number] = first.setdefault(hashlib.sha256(np.ascontiguousarray(image).data).digest(), number)
    return numbers


def first_of_same(values: np.ndarray) -> np.ndarray:
    """(n,) for each value the place of the first one that is equal."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return first[inverse]


def first_of_number(numbers: np.ndarray, images: Rows, called: str, is_used: np.ndarray | bool = True) -> np.ndarray:
    """(trials,) for each trial the first one whose image has the same number.

    called: what has the numbers, for the UserError that is raised where trials of one number showed different images.
    is_used: (trials,) which of them count; what the others showed may be anything.
    """
    first = first_of_same(numbers)
    if len(np.unique(first)) == len(first):
        return first
    content = same_content(images)
    others = np.flatnonzero((content[first] != content) & is_used)
    if len(others):
        raise UserError(
            f"{called} has one number for trials {first[others[0]]} and {others[0]}, whose images differ; allowed is a "
            "number for each image"
        )
    return first
