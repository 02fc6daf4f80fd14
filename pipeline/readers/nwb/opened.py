"""An NWB file that is open: what pynwb makes of it, and its arrays, none of which lies in another file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from models.lazy import LazyArray
from pipeline.errors import UserError
from pipeline.readers.bounded import MOST, bounded_memory
from pipeline.readers.damage import check_filters, check_heaps, check_inside, open_file

MOST_BYTES = 2**28  # of a column or of times, which are read as a whole
MOST_IMAGE_BYTES = 2**26
TIMES_THE_FILE = 16  # memory that pynwb may take, which makes some 30 kB of each image of a few kB
KNOWN = {"core", "hdmf-common", "hdmf-experimental"}  # names of specifications


@dataclass(frozen=True)
class Opened:
    """One NWB file. `nwb` is closed with the reading; datasets of `file` may be read as long as somebody holds them."""

    path: Path
    nwb: Any  # pynwb.NWBFile
    file: h5py.File

    def objects(self, *kinds: type) -> list[Any]:
        """All objects of some of pynwb's classes, by their places."""
        return sorted((one for one in self.nwb.objects.values() if isinstance(one, kinds)), key=place)

    def dataset(self, data: Any, what: str) -> h5py.Dataset:
        """The numbers of one of pynwb's objects, to be read when they are needed."""
        if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "uif":
            raise UserError(f"{self.path}: {what} holds no array of numbers; it must")
        check_filters(self.path, data, data.name.lstrip("/"))
        return self.file[data.name]

    def lazy(self, shape: tuple[int, ...], dtype: Any, read: Callable[[int, int], np.ndarray]) -> LazyArray:
        """An array whose rows are read later; damage that shows only then is one line too."""

        def rows(start: int, stop: int) -> np.ndarray:
            with self.told():
                return read(start, stop)

        return LazyArray(shape, dtype, rows)

    def whole(self, data: Any, what: str) -> np.ndarray:
        """All values of a column or of times: numbers, text as str, objects where they are neither, as references."""
        size = int(np.prod(np.shape(data), dtype=np.float64)) * getattr(getattr(data, "dtype", None), "itemsize", 8)
        self.check_size(size, what)
        if isinstance(data, h5py.Dataset):
            check_filters(self.path, data, data.name.lstrip("/"))
        values = np.asarray(data[:])
        if values.dtype.kind in "OS" and all(isinstance(one, str | bytes) for one in values.flat):
            texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in values.flat]
            self.check_size(4 * len(texts) * max(map(len, texts), default=0), what)  # as long as the longest, each
            return np.array(texts, dtype=str).reshape(values.shape)
        return values

    def check_size(self, size: int, what: str) -> None:
        """Raises UserError where what is read as a whole has too many bytes."""
        if size > MOST_BYTES:
            raise UserError(f"{self.path}: {what} would take {size >> 20} MB; allowed are {MOST_BYTES >> 20}")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Of a damaged file pynwb, hdmf and h5py raise errors of any kind: each becomes one line."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            raise _damaged(self.path, error) from error


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open an NWB file for reading; raises UserError where pynwb is missing or the file is damaged."""
    try:
        from pynwb import NWBHDF5IO
    except ImportError as error:
        raise UserError(f"{path}: NWB files are read with pynwb; pip install 'hypercolumn[nwb]'") from error
    with warnings.catch_warnings():  # of other versions of the format, and of what is not read here
        warnings.simplefilter("ignore")
        try:
            check_heaps(path)
            own = open_file(path)
            most = max(MOST, TIMES_THE_FILE * path.stat().st_size)
            with bounded_memory(most):
                check_inside(path, own)
                # pynwb knows the types of NWB itself; those of others' extensions are in the file
                others = not own.get("specifications", {}).keys() <= KNOWN
                io = NWBHDF5IO(str(path), "r", load_namespaces=others)
        except UserError:
            raise
        except Exception as error:
            raise _damaged(path, error) from error
        try:
            with Opened(path, None, own).told(), bounded_memory(most):
                yield Opened(path, io.read(), own)
        finally:
            io.close()


def place(container: Any) -> str:
    """Where an object lies, from the file down: `ophys/DfOverF/plane0`."""
    names = []
    while container is not None and container.parent is not None:
        names.append(container.name)
        container = container.parent
    return "/".join(reversed(names))


def chosen(file: Opened, candidates: list[Any], name: str | None, what: str, option: str, lacking: str) -> Any:
    """The only candidate, or the one at that place or of that name; raises UserError where that is none or several."""
    there = ", ".join(place(one) for one in candidates)
    if name is not None:
        named = [one for one in candidates if name == place(one)] or [one for one in candidates if name == one.name]
        if len(named) != 1:
            which = "names several" if named else "is not there"
            raise UserError(f"{file.path}: {what} {name!r} {which}; {option} can be: {there or 'nothing'}")
        return named[0]
    if not candidates:
        raise UserError(f"{file.path}: {lacking}")
    if len(candidates) > 1:
        raise UserError(f"{file.path}: holds {len(candidates)} {what}s: {there}; choose one by {option}")
    return candidates[0]


def _damaged(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return UserError(f"{path}: is damaged, or no NWB file that pynwb can read ({reason}); make a whole copy, or check "
                     "it with nwbinspector")  # fmt: skip
