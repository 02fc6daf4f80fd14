"""What a report consists of: sections of text, tables and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

from pipeline.figures.style import data_uri, drawn
from pipeline.figures.tables import Link, Table

PIXELS_PER_INCH = 96  # of CSS


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Picture:
    """A figure as an address that holds it, the words that say the same, and where its numbers came from."""

    uri: str
    width: int
    height: int
    caption: str
    alternative: str
    sources: list[Link]


@dataclass(frozen=True)
class Tabulated:
    """A table, and where its numbers came from."""

    table: Table
    sources: list[Link] = field(default_factory=list)


Block = Text | Picture | Tabulated


@dataclass(frozen=True)
class Section:
    title: str
    anchor: str
    blocks: list[Block] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    summary: list[str]  # paragraphs
    sections: list[Section]

    @property
    def num_figures(self) -> int:
        return _count(self.sections, Picture)

    @property
    def num_tables(self) -> int:
        return _count(self.sections, Tabulated)


def picture(
    draw: Callable[[Figure], Any], size: tuple[float, float], caption: str, alternative: str, sources: list[Link]
) -> Picture:
    """Draw a figure of that size, inches, and keep only its file."""
    figure = drawn(draw, *size)
    width, height = (round(inches * PIXELS_PER_INCH) for inches in size)
    return Picture(data_uri(figure), width, height, caption, alternative, sources)


def _count(sections: list[Section], kind: type) -> int:
    own = sum(isinstance(block, kind) for section in sections for block in section.blocks)
    return own + sum(_count(section.sections, kind) for section in sections)
