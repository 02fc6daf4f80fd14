"""Equations in LaTeX become MathML while the site is built, which browsers show without a script."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

# As the Markdown extension `pymdownx.arithmatex` marks them.
EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    return EQUATION.sub(_converted, content)


def _converted(found: re.Match[str]) -> str:
    tag, latex = found[1], html.unescape(found[2]).strip()
    display = "block" if tag == "div" else "inline"
    return f'<{tag} class="equation">{convert(latex, display=display)}</{tag}>'
