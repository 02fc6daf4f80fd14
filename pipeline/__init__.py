"""What runs: connection, readers, experiments, workers, report and the command line."""

from __future__ import annotations

from typing import Any

import schemas  # noqa: F401 - first of all, since it quiets DataJoint's import


def connect(*, declare: bool = True, patience: float = 0.0) -> Any:
    """Connect to the embedded server or the configured one, and bind all tables of `schemas`.

    declare: whether tables that do not exist yet are declared; workers do not. patience: seconds for which a server
    that is away is tried again.
    """
    from pipeline.database.connection import connect

    return connect(declare=declare, patience=patience)


def add_recording(name: str, **given: Any) -> bool:
    """Declare a recording of numpy arrays, or of others that are read by slices, under a name.

    Either all trials, images and responses, with image_ids (trials,) unless images are told by their content, and a
    split: names (trials,) of "train", "validation", "test" and "" (left out), or three shares; or the three sets, each
    a pair of images and responses. Images are (n, height, width) or (n, height, width, 3), responses (n, neurons), of
    a test set also (repeats, n, neurons), NaN where a repeat was not shown. neurons: columns by name, neuron_id among
    them, (neurons, ...) each. Further ones are those of `pipeline.readers.options.Options`: grey, crop, size, ...

        pipeline.add_recording("mouse1", images=images, responses=responses, split=(0.8, 0.1, 0.1))
        pipeline.add_recording("mouse1", train=(images, responses), validation=(...), test=(...))

    Connects to the database. False where the same content was there already. Raises UserError that names the argument.
    """
    from pipeline.from_arrays import add_arrays

    return add_arrays(name, **given)
