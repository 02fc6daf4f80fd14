"""A report as HTML: one file, without scripts and without anything from elsewhere."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from pipeline.report.page import Page, Picture, Tabulated, Text


def prose(text: str) -> Markup:
    """Text in which `commands` stand between backquotes."""
    parts = [Markup("<code>{}</code>" if i % 2 else "{}").format(part) for i, part in enumerate(text.split("`"))]
    return Markup().join(parts)


# Everything is escaped: names come from users.
ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("pipeline.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.tests["text"] = lambda block: isinstance(block, Text)
ENVIRONMENT.tests["picture"] = lambda block: isinstance(block, Picture)
ENVIRONMENT.tests["tabulated"] = lambda block: isinstance(block, Tabulated)
ENVIRONMENT.filters["prose"] = prose


def render(page: Page) -> str:
    return ENVIRONMENT.get_template("report.html").render(page=page)
