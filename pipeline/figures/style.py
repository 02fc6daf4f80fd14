"""What all figures share: colours, type sizes, files, and the sentence that stands where there is nothing to plot."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Of series and models, and of kinds of neurons; who sees no red or no green can tell them apart, too.
COLOURS = ["#1b6ca8", "#e07a1f", "#2a9d8f", "#9b2226", "#56b4e9", "#264653", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]  # with the colours
KIND_COLOURS = ["#264653", "#2a9d8f", "#e9a03b", "#c8553d", "#7b4b94"]
PUBLISHED_COLOUR = "0.55"  # of what others found, for their data
LINE_COLOUR = "0.6"
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "axes.titlelocation": "left",
    "figure.facecolor": "white",
    "text.parse_math": False,  # a label may hold a dollar
    "svg.hashsalt": "hypercolumn",  # the same figure gives the same file
}
MAX_SVG = 250_000  # bytes; a figure of more is smaller as pixels
DPI = 150


def drawn(draw: Callable[[Figure], Any], width: float, height: float) -> Figure:
    """A figure of that size, inches, in the style of the project, which `draw` fills."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
    return figure


def say(axis: Axes, sentence: str) -> None:
    """Write a sentence where a plot would be."""
    axis.set_axis_off()
    axis.text(
        0.5, 0.5, sentence, transform=axis.transAxes, ha="center", va="center", wrap=True, color="0.3", style="italic"
    )


def data_uri(figure: Figure) -> str:
    """The figure as an address that holds it: SVG, or PNG where that is smaller."""
    svg = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(svg, format="svg", metadata={"Date": None})
        if svg.tell() <= MAX_SVG:
            return _uri("image/svg+xml", svg.getvalue())
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=DPI)
    smaller, kind = (png, "image/png") if png.tell() < svg.tell() else (svg, "image/svg+xml")
    return _uri(kind, smaller.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
