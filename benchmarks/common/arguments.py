"""Options that benchmarks share."""

from __future__ import annotations

import argparse

from common.timing import num_cores


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring as it stands."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_machine(parser: argparse.ArgumentParser) -> None:
    """On what a script measures, and how it prints that."""
    parser.add_argument("--threads", type=int, default=num_cores(), help="default: all cores")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
