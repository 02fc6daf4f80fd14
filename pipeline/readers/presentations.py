"""What was shown when, and what followed: a recording before its trials are sorted into splits and repeats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.lazy import Rows


@dataclass(frozen=True, eq=False)
class Presentations:
    """The trials of a recording in the order of the file."""

    images: Rows  # (images, height, width) or, in colour, (images, height, width, 3): each distinct image once
    image_of_trial: np.ndarray  # (trials,) which of them a trial showed
    responses: Rows  # (trials, neurons)
    split_of_trial: (
        np.ndarray | None
    )  # (trials,) "train", "validation", "test" or "" (left out); None: the file has none
    neurons: dict[str, np.ndarray] = field(default_factory=dict)  # columns, (neurons, ...) each
    attributes: dict[str, Any] = field(default_factory=dict)
