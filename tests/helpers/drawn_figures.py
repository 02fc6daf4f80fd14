"""What stands on a drawn figure, and that it says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text

from pipeline.figures.style import drawn


def words(figure: Figure) -> list[str]:
    """All that is written on a figure, which is drawn for it."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def check(plot: Callable, describe: Callable, found: Any) -> None:
    """The figure of what was found holds ink, and neither it nor its description says nan or None."""
    description = describe(found)
    written = words(drawn(lambda figure: plot(figure, found), 10, 6))
    assert written
    for text in [*written, description]:
        assert "nan" not in text.lower().replace("dominant", ""), text
        assert "None" not in text
    assert description.endswith(".")
