"""Progress on the terminal: of trainings with their losses, of in-silico experiments, and the time left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from schemas.insilico import InSilicoExperiment
from schemas.training import TrainedModel

if TYPE_CHECKING:
    from models.training_state import Validation

LINE_EVERY = 10.0  # seconds between lines where the output is no terminal


@contextmanager
def work_progress(console: Console) -> Iterator[None]:
    """While it is open, what computed tables do shows on the console: how far it is and what is left."""
    columns = [
        TextColumn("{task.description}", table_column=Column(overflow="fold")),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[state]}", table_column=Column()),  # on several lines where the terminal is narrow
    ]
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        # not by their names, which would give them without `staticmethod`
        before = vars(TrainedModel)["on_validation"], vars(InSilicoExperiment)["on_progress"]
        display = _Display(bars, console)
        TrainedModel.on_validation = staticmethod(display.show_validation)
        InSilicoExperiment.on_progress = staticmethod(display.show_progress)
        try:
            yield
        finally:
            TrainedModel.on_validation, InSilicoExperiment.on_progress = before


class _Display:
    """A bar for each job, or a line now and then where there is no terminal."""

    def __init__(self, bars: Progress, console: Console) -> None:
        self.bars, self.console = bars, console
        self.tasks: dict[str, Any] = {}
        self.started: dict[str, float] = {}
        self.done: dict[str, int] = {}
        self.last_line = 0.0

    def show_validation(self, key: dict, validation: Validation) -> None:
        total = validation.iteration + validation.steps_left
        state = (
            f"step {validation.iteration} | loss {validation.train_loss:.2f} | "
            f"validation loss {validation.val_loss:.2f}, correlation {validation.val_corr:.3f}"
        )
        self._show(_name(key), validation.iteration, total, state, "at least ")  # each improvement prolongs a training

    def show_progress(self, table: str, key: dict, done: int, total: int) -> None:
        self._show(f"{table}, {_name(key)}", done, total, f"{done} of {total}")

    def _show(self, name: str, done: int, total: int, state: str, bound: str = "") -> None:
        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(name, state="", left="", total=None)
        if done <= self.done.get(name, done):  # it begins, or begins another part
            self.started[name] = time.monotonic()
        self.done[name] = done
        left = bound + self._time_left(name, done, total)
        self.bars.update(self.tasks[name], completed=done, total=total, state=state, left=left)
        if not self.console.is_terminal and time.monotonic() - self.last_line > LINE_EVERY:
            self.last_line = time.monotonic()
            self.console.print(f"{name} | {state} | {left}", soft_wrap=True, highlight=False)

    def _time_left(self, name: str, done: int, total: int) -> str:
        seconds = (time.monotonic() - self.started[name]) / max(done, 1) * (total - done)
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"


def _name(key: dict) -> str:
    return f"{key['training_set']}, {key['config']}, seed {key['seed']}"
