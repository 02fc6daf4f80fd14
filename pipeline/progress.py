"""Progress of trainings on the terminal: iteration, losses, validation correlation, time left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from models.training import Validation
from schemas.training import TrainedModel

LINE_EVERY = 10.0  # seconds between lines where the output is no terminal


@contextmanager
def training_progress(console: Console) -> Iterator[None]:
    """While it is open, trainings of `TrainedModel` show on the console how far they are."""
    columns = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("step {task.completed:.0f} | {task.fields[state]}"),
    ]
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        before = vars(TrainedModel)["on_validation"]  # not by its name, which would give it without `staticmethod`
        TrainedModel.on_validation = staticmethod(_Display(bars, console))
        try:
            yield
        finally:
            TrainedModel.on_validation = before


class _Display:
    """Shows each validation: as a bar for each training, or as a line now and then where there is no terminal."""

    def __init__(self, bars: Progress, console: Console) -> None:
        self.bars, self.console = bars, console
        self.tasks: dict[str, Any] = {}
        self.started: dict[str, float] = {}
        self.last_line = 0.0

    def __call__(self, key: dict, validation: Validation) -> None:
        name = f"{key['training_set']}, {key['config']}, seed {key['seed']}"
        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(name, state="", total=None)
            self.started[name] = time.monotonic()
        state = (
            f"loss {validation.train_loss:.2f} | validation loss {validation.val_loss:.2f}, "
            f"correlation {validation.val_corr:.3f} | {self._time_left(name, validation)}"
        )
        total = validation.iteration + validation.steps_left
        self.bars.update(self.tasks[name], completed=validation.iteration, total=total, state=state)
        if not self.console.is_terminal and time.monotonic() - self.last_line > LINE_EVERY:
            self.last_line = time.monotonic()
            self.console.print(f"{name} | step {validation.iteration} | {state}", soft_wrap=True, highlight=False)

    def _time_left(self, name: str, validation: Validation) -> str:
        """How long it takes at least: each further improvement on the validation set prolongs a training."""
        passed = time.monotonic() - self.started[name]
        seconds = passed / max(validation.iteration, 1) * validation.steps_left
        return f"at least {seconds / 60:.0f} min left" if seconds >= 90 else f"at least {seconds:.0f} s left"
