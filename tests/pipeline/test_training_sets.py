"""Parts of a recording as training sets."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.experiments.declare import MIN_IMAGES
from pipeline.parts import Part
from pipeline.training_sets import insert_part, num_images
from schemas.dataset import TrainingSet


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Part(), "wide"),
        (Part(subset_seed=7), "wide"),
        (Part(trials_per_mille=125), "wide@125"),
        (Part(trials_per_mille=333, subset_seed=7), "wide@333@seed-7"),
        (Part(num_parts=2, part=2), "wide@half-2"),
        (Part(num_parts=3, part=1), "wide@part-1-of-3"),
        (Part(num_parts=3, part=2, trials_per_mille=501), "wide@part-2-of-3@501"),
    ],
)
def test_parts(wide, part, name):
    assert part.name(wide) == name
    if part == Part(subset_seed=7):
        return
    assert insert_part(wide, part) == insert_part(wide, part) == name
    recording = (TrainingSet & {"training_set": name}).load()
    assert len(recording.train_images) == num_images(name)
    assert len(TrainingSet.Member & {"training_set": name}) == 1


def test_halves_are_disjoint(wide):
    halves = [insert_part(wide, Part(num_parts=2, part=part)) for part in (1, 2)]
    one, two = ((TrainingSet & {"training_set": half}).load().train_images for half in halves)
    together = np.concatenate([one, two]).reshape(MIN_IMAGES, -1)
    assert len(np.unique(together, axis=0)) == MIN_IMAGES


def test_parts_that_cannot_be(wide):
    with pytest.raises(UserError, match="would have a name of 66 characters; allowed are 64"):
        insert_part("n" * 62, Part(trials_per_mille=125))
    TrainingSet.insert1({"training_set": "wide@125"})
    TrainingSet.Member.insert1({"training_set": "wide@125", "dataset_name": "wide", "trials_per_mille": 124})
    with pytest.raises(UserError, match="training set 'wide@125' is in this database with other trials"):
        insert_part(wide, Part(trials_per_mille=125))
