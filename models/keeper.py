"""Where the states of a training go while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.training_state import State


class Keeper:
    """Where the states of a training go; this one keeps none."""

    def load(self) -> State | None:
        """The state from which to go on, or None."""
        return None

    def save(self, state: Callable[[], State], *, last: bool = False) -> None:
        """Called at each validation, and with `last` when the training is about to be interrupted."""
