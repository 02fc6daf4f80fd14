"""Whether Python and the packages are those that setup.py asks for."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from pipeline.doctor.finding import OK, Finding, fault, ok, warning

NAME = "hypercolumn"


def check() -> Iterator[Finding]:
    try:
        about = metadata(NAME)
    except PackageNotFoundError:
        yield fault(NAME, "is not installed in this Python", "pip install . in its folder")
        return
    yield ok(NAME, about["Version"])
    yield _python(about["Requires-Python"])
    wanted = [Requirement(line) for line in requires(NAME) or []]
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = list(filter(None, map(_fault_of, needed)))
    for one, found in wrong:
        yield fault(one.name, found, f"pip install '{one.name}{one.specifier}'")
    if not wrong:
        yield ok("packages", f"all {len(needed)} that are needed, as they should be")
    for extra in about.get_all("Provides-Extra") or []:
        if extra not in ("test", "dev"):
            yield from _extra(extra, [one for one in wanted if _is_of(one, extra)])


def check_code() -> Iterator[Finding]:
    from schemas.provenance import git_commit

    commit, dirty = git_commit()
    yield ok("code", "of no checkout" if commit is None else f"commit {commit[:8]}{', with changes' if dirty else ''}")


def _python(allowed: str) -> Finding:
    found = platform.python_version()
    if not SpecifierSet(allowed).contains(found, prereleases=True):
        return fault("Python", f"{found}, and {allowed} is needed", "make a new environment with a newer Python")
    return ok("Python", f"{found} ({platform.python_implementation()}), {platform.system()} {platform.machine()}")


def _fault_of(one: Requirement) -> tuple[Requirement, str] | None:
    """What is wrong with a package, if anything is."""
    try:
        found = version(one.name)
    except PackageNotFoundError:
        return one, "is missing"
    if one.specifier.contains(found, prereleases=True):
        return None
    return one, f"{found}, and {one.specifier} is needed"


def _is_of(one: Requirement, extra: str) -> bool:
    return one.marker is not None and one.marker.evaluate({"extra": extra}) and not one.marker.evaluate({"extra": ""})


def _extra(extra: str, wanted: list[Requirement]) -> Iterator[Finding]:
    wrong = list(filter(None, map(_fault_of, wanted)))
    missing = [one for one, found in wrong if found == "is missing"]
    if missing:
        yield Finding(f"extra {extra}", OK, "not installed", f"pip install '{NAME}[{extra}]' where it is wanted")
    for one, found in wrong:
        if one not in missing:
            yield warning(one.name, f"{found} for extra {extra}", f"pip install '{one.name}{one.specifier}'")
    if not wrong:
        yield ok(f"extra {extra}", "installed")
