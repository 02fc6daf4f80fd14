"""A named configuration: architecture, penalties and training, as one thing that a person can choose by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class NamedConfig:
    """Rows of `Core`, `Core.Layer` (one value a layer), `Readout`, `Regularization` and `TrainerConfig`.

    `bounds` holds the interval of each weight of a penalty for a random search, None for one that is not used.
    The names of core, readout and trainer belong to their content: what differs needs a name of its own.
    """

    config: str
    summary: str
    core: dict[str, Any]
    layers: dict[str, list[Any]]
    readout: dict[str, Any]
    regularization: dict[str, float | None]
    trainer: dict[str, Any]
    bounds: dict[str, tuple[float, float] | None]

    def derived(self, config: str, summary: str, **changes: dict[str, Any]) -> NamedConfig:
        """The same configuration under another name, with differences in some of its parts."""
        parts = {part: getattr(self, part) | values for part, values in changes.items()}
        return replace(self, config=config, summary=summary, **parts)

    @property
    def weights(self) -> dict[str, float]:
        """The weights of the penalties that the readout has."""
        return {name: value for name, value in self.regularization.items() if value is not None}

    @property
    def search_bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of each of those weights for a random search."""
        return {name: limits for name, limits in self.bounds.items() if limits is not None}
