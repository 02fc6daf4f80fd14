"""Readers that other packages bring, as Python entry points of the group `hypercolumn.readers`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np

from models.lazy import LazyArray, Rows
from models.recording import ARRAYS, Recording
from pipeline.errors import UserError, is_full_disk, said
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
        with self._told(path):
            return bool(self.reader.recognises(path))

    def read(self, path: Path, options: Options) -> Recording | Presentations:
        with self._told(path):
            found = self.reader.read(path, options)
            arrays: dict[str, Any]
            if isinstance(found, Recording):
                arrays = {name: self._rows(path, name, getattr(found, name)) for name in ARRAYS}
            elif isinstance(found, Presentations):
                arrays = {name: self._rows(path, name, getattr(found, name)) for name in ("images", "responses")}
                arrays["image_of_trial"] = np.asarray(found.image_of_trial)
                arrays["split_of_trial"] = None if found.split_of_trial is None else np.asarray(found.split_of_trial)
            else:
                raise TypeError(f"gave {type(found).__name__}; allowed are Recording and Presentations")
            neurons = {str(name): np.asarray(column) for name, column in found.neurons.items()}
            count = arrays["train_responses" if isinstance(found, Recording) else "responses"].shape[-1]
            for name, column in neurons.items():
                if column.shape[:1] != (count,):
                    raise ValueError(f"neurons[{name!r}] has the shape {column.shape}, and there are {count} neurons")
            return replace(found, **arrays, neurons=neurons, attributes=dict(found.attributes))

    def _rows(self, path: Path, name: str, given: Any) -> Rows:
        """The array; where its rows are read later, they are what it announced, or there is one line, too."""
        dtype, shape = np.dtype(given.dtype), tuple(map(int, given.shape))
        if dtype.kind not in "uifb":
            raise TypeError(f"{name} holds {dtype}; allowed are numbers")
        if isinstance(given, np.ndarray):
            return given

        def read(start: int, stop: int) -> np.ndarray:
            with self._told(path):
                rows = np.asarray(given[start:stop])
                if (rows.shape, rows.dtype) != ((stop - start, *shape[1:]), dtype):
                    raise ValueError(
                        f"rows {start} to {stop} of {name}, {dtype} {shape}, are {rows.dtype} {rows.shape}"
                    )
                return rows

        return LazyArray(shape, dtype, read, getattr(given, "chunks", None))

    @contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        """Any error becomes one line that names the package, but one that is such a line or names a file itself."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            if is_full_disk(error) or (isinstance(error, OSError) and error.filename is not None):
                raise
            raise UserError(
                f"{path}: reader {self.name!r} of {self.package} failed ({type(error).__name__}: {said(error)}); "
                "its authors can mend it"
            ) from error


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
