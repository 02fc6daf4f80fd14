"""Text of unknown origin, such as a file's, on a terminal, which would obey the control characters in it."""

from __future__ import annotations

import unicodedata

from rich.text import Text

OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # of Unicode: control, format (direction, ...), surrogates, ends of lines


def visible(text: str) -> str:
    """One line, with what a terminal would obey as Python writes it: \\x1b."""
    if text.isprintable():
        return text
    return "".join(
        one.encode("unicode_escape").decode() if unicodedata.category(one) in OBEYED else one for one in text
    )


def visible_lines(text: str) -> str:
    """The same of a text that may have several lines."""
    return "\n".join(map(visible, text.expandtabs().splitlines()))


def as_it_is(text: str, style: str = "") -> Text:
    """For a cell of a table, or a title: without control characters, and without rich's own markup."""
    return Text(visible_lines(text), style)
