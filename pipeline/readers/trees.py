"""Folders and zip archives as trees of numpy's files, read one at a time; nothing is unpacked."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.errors import UserError
from pipeline.readers.npy import MOST_BYTES, read_npy

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MOST_RATIO = 100  # of an archive's content to its size; content below FREE_BYTES may be packed tighter
FREE_BYTES = 2**27
MOST_DIRECTORY_BYTES = 2**26  # of the list of an archive's files, which is read at once
END, END_BYTES, LONGEST_COMMENT = b"PK\x05\x06", 22, 2**16  # the record that ends an archive
END_64, END_64_BYTES, LOCATOR_BYTES = b"PK\x06\x06", 56, 20  # the same of large ones, before it
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
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # which does not wait for a pipe's writer
        except FileNotFoundError as error:
            raise UserError(f"{self.path}: {name} is missing") from error
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UserError(f"{self.path}: {name} is no ordinary file")
            return read_npy(file, status.st_size, f"{self.path}: {name}")


class Archive:
    """A zip archive that is refused where its names or sizes are no recording's."""

    def __init__(self, path: Path, folder: str) -> None:
        self.path = path
        size = path.stat().st_size
        if _directory_bytes(path, size) > MOST_DIRECTORY_BYTES:
            raise UserError(f"{path}: lists too many files; unpack it and give the folder")
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGED as error:
            raise self._damaged(error) from error
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
            raise UserError(f"{self.path}: {name} is missing")
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


def _directory_bytes(path: Path, size: int) -> int:
    """What an archive's end says of the length of its list of files; 0 where there is no such end."""
    with path.open("rb") as file:
        file.seek(max(0, size - END_BYTES - LONGEST_COMMENT - LOCATOR_BYTES - END_64_BYTES))
        end = file.read()
    place = end.rfind(END)
    if place < 0 or len(end) < place + END_BYTES:
        return 0
    listed = int.from_bytes(end[place + 12 : place + 16], "little")
    large = place - LOCATOR_BYTES - END_64_BYTES
    if large >= 0 and end[large : large + 4] == END_64:
        listed = int.from_bytes(end[large + 40 : large + 48], "little")
    return listed
