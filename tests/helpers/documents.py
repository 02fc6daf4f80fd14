"""The documents and their blocks of code: which are run, which are not, and why.

A block that is not run by tests/docs stands below a comment that Markdown does not show:

    <!-- run in tests/pipeline/test_roles.py -->            a test that reads this page, or runs these commands
    <!-- not run: Slurm takes the script from here on -->   why nothing runs it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

CODE = ("console", "python", "sql")  # to be run
DATA = ("yaml", "toml", "json")  # to be read
SHOWN = ("", "mermaid")  # what is printed or drawn
BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<kind>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code of a page; mark: what the comment above it says."""

    page: str  # from the folder of the repository
    line: int
    kind: str
    code: str
    mark: str | None

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page.relative_to(ROOT).as_posix(),
            text.count("\n", 0, found.start("kind")) + 1,
            found["kind"],
            found["code"],
            found["mark"],
        )
        for found in BLOCK.finditer(text)
    ]


def blocks_to_run(page: Path) -> list[Block]:
    """Those that tests/docs run."""
    return [block for block in blocks(page) if block.kind in CODE and block.mark is None]
