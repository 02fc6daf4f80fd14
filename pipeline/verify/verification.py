"""What came of verifying a model: what was compared, what of it differs, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.verify.compare import Difference
from pipeline.verify.tolerances import JUDGED, SCORING, TRAINING


@dataclass(frozen=True)
class Check:
    """What was compared, and what of it is not the same to the bit."""

    name: str
    said: str
    differences: list[Difference] = field(default_factory=list)
    failed: bool = False

    @property
    def exact(self) -> bool:
        return not self.failed and not self.differences

    @property
    def holds(self) -> bool:
        return not self.failed and all(difference.tolerated for difference in self.differences)


@dataclass(frozen=True)
class Verification:
    """What came of it. circumstances: a line for each thing that decides on last bits and is not as it was."""

    imported_as: str | None  # log hash of a model that other code trained
    circumstances: list[str]
    checks: list[Check]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def lines(self) -> list[str]:
        """What is to be said of it, the verdict last."""
        lines = []
        if self.imported_as:
            lines.append(f"trained by other code (log hash {self.imported_as}), not here: only scored again")
        lines += [f"not as it was: {line}" for line in self.circumstances]
        for check in self.checks:
            outcome = "the same" if check.exact else "tolerated" if check.holds else "DIFFERS"
            lines.append(f"{check.name}: {outcome}, {check.said}")
            lines += [f"    {difference.name}: {difference.said}" for difference in check.differences]
        return [*lines, self._verdict()]

    def _verdict(self) -> str:
        if not self.holds:
            return "not the same: " + "; ".join(check.name for check in self.checks if not check.holds)
        if all(check.exact for check in self.checks):
            return "the same to the bit"
        return (
            f"the same as far as can be asked where something is not as it was: within {SCORING:g} for scores of the "
            f"stored weights, within {TRAINING:g} for {', '.join(JUDGED)} after a training"
        )
