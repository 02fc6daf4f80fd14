"""What a check found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pipeline.errors import UserError, explained, said

OK, WARNING, FAULT = "ok", "warning", "fault"


class Finding(NamedTuple):
    """One line of the table: what was looked at, how it is, what was found, and what to do."""

    what: str
    state: str
    found: str
    advice: str = ""


def ok(what: str, found: str) -> Finding:
    return Finding(what, OK, found)


def warning(what: str, found: str, advice: str) -> Finding:
    return Finding(what, WARNING, found, advice)


def fault(what: str, found: str, advice: str) -> Finding:
    return Finding(what, FAULT, found, advice)


def worst(findings: Iterable[Finding]) -> str:
    states = {finding.state for finding in findings}
    return next((state for state in (FAULT, WARNING) if state in states), OK)


def guarded(what: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a check finds; where it fails itself, or can go no further, that as a fault of one line."""
    found: list[Finding] = []
    try:
        found.extend(check())
    except ModuleNotFoundError as error:
        found.append(fault(what, f"cannot be checked without {error.name}", "install what is missing, and try again"))
    except Exception as error:  # of whatever kind: an installation that is out of order raises anything
        found.append(fault(what, *_told(error)))
    return found


def _told(error: Exception) -> tuple[str, str]:
    """What an error says, and what to do: our own errors tell both, parted by a semicolon."""
    try:
        line = str(error) if isinstance(error, UserError) else explained(error)
    except Exception:  # DataJoint cannot be imported, for instance
        line = None
    if line is None:
        return f"{type(error).__name__}: {said(error)}", "mend that, or ask for help with the lines below"
    found, _, advice = line.partition("; ")
    return found, advice
