"""How long a training goes on: in stages that early stopping ends, and for so many steps at most."""

from __future__ import annotations

from dataclasses import dataclass

from models.training_state import Standing


@dataclass(frozen=True)
class EarlyStopping:
    """A stage ends after `patience` validations without a new best, one each `val_steps` steps; all at `max_iter`."""

    num_stages: int
    val_steps: int
    patience: int
    max_iter: int | None

    def goes_on(self, at: Standing) -> bool:
        """Whether another step of this stage follows."""
        return at.failures < self.patience and (self.max_iter is None or at.iteration < self.max_iter)

    def steps_left(self, at: Standing) -> int:
        """Of all stages, if no later validation is better."""
        left = ((self.num_stages - at.stage) * self.patience - at.failures) * self.val_steps
        return left if self.max_iter is None else min(left, self.max_iter - at.iteration)
