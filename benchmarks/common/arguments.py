"""Options that benchmarks share."""

from __future__ import annotations

import argparse

from common.timing import num_cores
from models.precision import PRECISIONS


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring as it stands."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_machine(parser: argparse.ArgumentParser) -> None:
    """On what a script measures, and how it prints that."""
    parser.add_argument("--threads", type=int, default=num_cores(), help="default: all cores")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Of this project's steps, where others than single precision are worth a measurement."""
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of hypercolumn's steps")
