"""Tables of text: one thing, shown in a notebook and in the report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Link:
    """Text of a cell that leads to an anchor of the same page."""

    text: str
    anchor: str

    def __str__(self) -> str:
        return self.text


Cell = str | Link
LONG = 40  # characters from which on a cell may break into lines


@dataclass(frozen=True)
class Table:
    """Rows of text. The first columns name the row; `numeric` are the columns that are set flush right."""

    caption: str
    headings: list[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Collection[str] = ()
    num_headers: int = 1  # columns that name the row
    row_anchors: list[str] | None = None  # by which links find the rows

    def as_html(self) -> Markup:
        """A table element; everything in it is escaped."""
        classes = [Markup(' class="number"') if name in self.numeric else Markup() for name in self.headings]
        head = Markup().join(
            Markup('<th scope="col"{}>{}</th>').format(kind, name)
            for kind, name in zip(classes, self.headings, strict=True)
        )
        anchors: Sequence[str | None] = self.row_anchors or [None] * len(self.rows)
        body = Markup("\n").join(
            _row(row, classes, self.num_headers, anchor) for row, anchor in zip(self.rows, anchors, strict=True)
        )
        return Markup(
            "<table>\n<caption><span>{}</span></caption>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table>"
        ).format(self.caption, head, body)

    def _repr_html_(self) -> str:
        return str(self.as_html())


def _row(row: Sequence[Cell], classes: list[Markup], num_headers: int, anchor: str | None) -> Markup:
    where = Markup(' id="{}"').format(anchor) if anchor else Markup()
    cells = [
        Markup('<th scope="row"{}>{}</th>' if i < num_headers else "<td{}>{}</td>").format(
            Markup(' class="long"') if len(str(cell)) > LONG else kind, _cell(cell)
        )
        for i, (kind, cell) in enumerate(zip(classes, row, strict=True))
    ]
    return Markup("<tr{}>{}</tr>").format(where, Markup().join(cells))


def _cell(cell: Cell) -> Markup:
    if isinstance(cell, Link):
        return Markup('<a href="#{}">{}</a>').format(cell.anchor, cell.text)
    return Markup.escape(cell)
