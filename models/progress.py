"""How long computations tell how far they are."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # called with how much is done and how much there is
