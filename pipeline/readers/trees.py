"""Folders and zip archives as trees of numpy's files, read one at a time; nothing is unpacked."""

from __future__ import annotations

import io
import os
import stat
import struct
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.errors import UserError
from pipeline.readers.npy import MOST_BYTES, read_npy

# Without waiting for a pipe's writer, which Windows has not, and without changing bytes, which only Windows does.
READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MOST_RATIO = 100  # of an archive's content to its size; content below FREE_BYTES may be packed tighter
FREE_BYTES = 2**27
# Of the list of files, which is read at once. A file takes about 100 bytes of it and a trial has up to four
# files, so that this is for some 40,000 trials, several times those of the largest recordings. The worst that it can
# hold, entries of 46 bytes each, took 3 s and 0.4 GB; four times as much took 19 s.
MOST_DIRECTORY_BYTES = 2**24
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError),
)


class Tree(Protocol):
    """Arrays by the paths of their files, with / between names."""

    def names(self, folder: str) -> list[str]:
        """Of the files in a folder; none where there is no such folder."""

    def array(self, name: str) -> np.ndarray:
        """Raises UserError where the file is missing, or holds no array of numbers or text."""


def open_tree(path: Path, folder: str) -> Tree:
    """The tree that holds a folder of this name, at its top or, in an archive, below one other folder."""
    return Folder(path) if path.is_dir() else Archive(path, folder)


class Folder:
    """A folder on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self, folder: str) -> list[str]:
        try:
            with os.scandir(self.path / folder) as entries:
                return [entry.name for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def array(self, name: str) -> np.ndarray:
        path = self.path / name
        try:
            descriptor = os.open(path, READING)
        except FileNotFoundError as error:
            raise UserError(f"{self.path}: {name} is missing; make a whole copy") from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise UserError(f"{self.path}: {name} is no ordinary file; put a copy in its place")
        with os.fdopen(descriptor, "rb") as file:
            return read_npy(file, status.st_size, f"{self.path}: {name}")


class Archive:
    """A zip archive that is refused where its names or sizes are no recording's."""

    def __init__(self, path: Path, folder: str) -> None:
        self.path = path
        size = path.stat().st_size
        file = _Listed(path, MOST_DIRECTORY_BYTES)
        try:
            self._zip = zipfile.ZipFile(file)
        except DAMAGED as error:
            raise self._damaged(error) from error
        file.most = None
        entries = self._zip.infolist()
        for entry in entries:
            self._check(entry)
        total = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        if packed > size:
            raise UserError(f"{path}: holds files that overlap, {packed} bytes in {size}; archive the folder again")
        if total > max(FREE_BYTES, MOST_RATIO * size):
            raise UserError(
                f"{path}: would unpack to {total} bytes, {total // size} times its size; allowed are {MOST_RATIO} times"
            )
        above = {name[: -len(folder)] for name in (_parent(entry.filename) for entry in entries) if _ends(name, folder)}
        above = {prefix for prefix in above if not prefix.startswith("__MACOSX")}
        if len(above) > 1:
            raise UserError(f"{path}: holds {len(above)} recordings; allowed is one")
        prefix = above.pop() if above else ""
        self._entries = {
            entry.filename.removeprefix(prefix): entry for entry in entries if entry.filename.startswith(prefix)
        }
        self._folders: dict[str, list[str]] = {}
        for name in self._entries:
            if not name.endswith("/"):
                self._folders.setdefault(_parent(name), []).append(name.rpartition("/")[2])

    def names(self, folder: str) -> list[str]:
        return self._folders.get(folder, [])

    def array(self, name: str) -> np.ndarray:
        entry = self._entries.get(name)
        if entry is None:
            raise UserError(f"{self.path}: {name} is missing; make a whole copy")
        try:
            with self._zip.open(entry) as file:
                content = file.read()  # at most as many bytes as were announced
        except DAMAGED as error:
            raise self._damaged(error) from error
        return read_npy(io.BytesIO(content), len(content), f"{self.path}: {name}")

    def _check(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename.replace("\\", "/")
        found = None
        if name.startswith("/") or name[1:2] == ":":
            found = "an absolute path"
        elif ".." in name.split("/"):
            found = "a path with .."
        elif stat.S_ISLNK(entry.external_attr >> 16):
            found = "a link"
        elif entry.flag_bits & 1:
            found = "an encrypted file"
        elif entry.compress_type not in METHODS:
            found = f"a file packed by method {entry.compress_type}"
        elif entry.file_size > MOST_BYTES:
            found = f"a file of {entry.file_size} bytes"
        if found:
            raise UserError(
                f"{self.path}: holds {found}, {entry.filename[:100]!r}; allowed are plain files of up to {MOST_BYTES} "
                "bytes within the archive"
            )

    def _damaged(self, error: Exception) -> UserError:
        reason = " ".join(str(error).split())[:200]
        return UserError(f"{self.path}: is a damaged or truncated archive ({reason}); make a whole copy and try again")


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _ends(name: str, folder: str) -> bool:
    return name == folder or name.endswith(f"/{folder}")


class _Listed:
    """A file for `zipfile`, of which it reads no more at once than `most` bytes while that is set.

    What an archive says of the length of its list would have to be read as `zipfile` reads it, which differs from
    version to version: the read itself cannot be mistaken.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.most: int | None = most
        self._path, self._file, self._size = path, path.open("rb"), path.stat().st_size
        self.seek, self.tell, self.seekable = self._file.seek, self._file.tell, self._file.seekable
        weakref.finalize(self, self._file.close)  # `zipfile` does not close what it has not opened

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        wanted = left if size < 0 else min(size, left)
        if self.most is not None and wanted > self.most:
            raise UserError(f"{self._path}: lists too many files; unpack it and give the folder")
        return self._file.read(wanted)
