"""Readers that other packages bring, as Python entry points of the group `hypercolumn.readers`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from models.recording import Recording
from pipeline.errors import UserError, said
from pipeline.readers.options import Options
from pipeline.readers.presentations import Presentations

GROUP = "hypercolumn.readers"
LONGEST_NAME = 32  # characters, as in the definition of `Dataset`


@dataclass(frozen=True)
class Plugin:
    """A reader of another package; whatever goes wrong in it is one line that names the package."""

    name: str
    package: str
    reader: Any

    def recognises(self, path: Path) -> bool:
        try:
            return bool(self.reader.recognises(path))
        except Exception as error:
            raise self._failed(path, error) from error

    def read(self, path: Path, options: Options) -> Recording | Presentations:
        try:
            found = self.reader.read(path, options)
        except (UserError, OSError):
            raise
        except Exception as error:
            raise self._failed(path, error) from error
        if not isinstance(found, Recording | Presentations):
            raise UserError(
                f"{path}: reader {self.name!r} of {self.package} gave {type(found).__name__}; "
                "allowed are Recording and Presentations"
            )
        return found

    def _failed(self, path: Path, error: Exception) -> UserError:
        return UserError(
            f"{path}: reader {self.name!r} of {self.package} failed ({type(error).__name__}: {said(error)}); "
            "its authors can mend it"
        )


def names() -> list[str]:
    """Of all readers that other packages bring; none of them is imported."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def plugins(built_in: Collection[str], name: str | None = None) -> list[Plugin]:
    """All of them, or those of one name. Raises UserError about one that cannot be used."""
    points = [point for point in sorted(entry_points(group=GROUP)) if name in (None, point.name)]
    loaded: list[Plugin] = []
    for point in points:
        if point.name in built_in:
            raise _refusal(point, "has the name of a built-in one", "it must take another")
        if len(point.name) > LONGEST_NAME:
            raise _refusal(point, f"has a name of {len(point.name)} characters", f"allowed are {LONGEST_NAME}")
        if point.name in (known.name for known in loaded):
            raise _refusal(point, "has the name of another package's", "uninstall one of them")
        try:
            reader = point.load()
        except Exception as error:
            found = f"cannot be loaded ({type(error).__name__}: {said(error)})"
            raise _refusal(point, found, "repair or uninstall it") from error
        if not all(callable(getattr(reader, part, None)) for part in ("recognises", "read")):
            raise _refusal(point, "has no functions recognises(path) and read(path, options)", "repair or uninstall it")
        if getattr(reader, "name", None) != point.name:
            raise _refusal(point, f"calls itself {getattr(reader, 'name', None)!r}", "both names must be the same")
        loaded.append(Plugin(point.name, _package(point), reader))
    return loaded


def _refusal(point: EntryPoint, found: str, remedy: str) -> UserError:
    return UserError(f"reader {point.name!r} of {_package(point)} {found}; {remedy}")


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name} {point.dist.version}" if point.dist else f"package {point.module}"
