"""Diagrams in Mermaid become SVG while the site is built, so that pages load no script; GitHub draws them itself."""

from __future__ import annotations

import re
from typing import Any

import mmdr

MOST_WIDTH = 1200  # pixels
FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    return FENCE.sub(lambda found: f'<figure class="diagram">{_drawn(found[1])}</figure>', markdown)


def _drawn(mermaid: str) -> str:
    """In one line, which Markdown leaves as it is; as wide as it is drawn, so that a page scrolls it."""
    svg = re.sub(r"\s*\n\s*", " ", mmdr.render(mermaid).svg())
    width = float(re.search(r'viewBox="\S+ \S+ (\S+) ', svg)[1])
    return svg.replace('style="max-width:', f'style="min-width:{min(width, MOST_WIDTH):.0f}px;max-width:', 1)
