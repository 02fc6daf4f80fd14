"""A valid file, or folder of files, with some of its bytes changed at random."""

from __future__ import annotations

import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

HEADER = 2048  # bytes at the beginning, where formats say what follows
# Numbers where sizes, counts and offsets break
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)

Mutation = Callable[[bytearray, random.Random], bytearray]


def mutated(sample: Path, path: Path, generator: random.Random) -> Path:
    """A copy of a sample at `path`, with one to eight mutations, which may be in a member of it."""
    if sample.is_dir():
        shutil.copytree(sample, path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        chosen = generator.choice(files)
        if generator.random() < 0.1:
            chosen.unlink()
        else:
            chosen.write_bytes(_several(chosen.read_bytes(), generator))
    elif zipfile.is_zipfile(sample) and generator.random() < 0.7:
        with zipfile.ZipFile(sample) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            chosen_name = generator.choice(source.namelist())
            for name in source.namelist():
                content = source.read(name)
                target.writestr(name, _several(content, generator) if name == chosen_name else content)
    else:
        path.write_bytes(_several(sample.read_bytes(), generator))
    return path


def _several(content: bytes, generator: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(generator.choice((1, 1, 2, 4, 8))):
        changed = generator.choice(MUTATIONS)(changed, generator) if changed else changed
    return bytes(changed)


def _place(content: bytearray, generator: random.Random) -> int:
    """Half of them in the header."""
    return generator.randrange(min(HEADER, len(content)) if generator.random() < 0.5 else len(content))


def _flip_bit(content: bytearray, generator: random.Random) -> bytearray:
    content[_place(content, generator)] ^= 1 << generator.randrange(8)
    return content


def _set_byte(content: bytearray, generator: random.Random) -> bytearray:
    content[_place(content, generator)] = generator.randrange(256)
    return content


def _set_number(content: bytearray, generator: random.Random) -> bytearray:
    """Of 1 to 8 bytes, on its own boundary, as formats have them."""
    size = generator.choice((1, 2, 4, 8))
    start = _place(content, generator) // size * size
    number = struct.pack("<Q", generator.choice(EDGES))[:size]
    content[start : start + size] = number[: len(content) - start]
    return content


def _cut_off(content: bytearray, generator: random.Random) -> bytearray:
    return content[: _place(content, generator)]


def _take_out(content: bytearray, generator: random.Random) -> bytearray:
    start = _place(content, generator)
    del content[start : start + generator.choice((1, 2, 8, 64, 512))]
    return content


def _repeat(content: bytearray, generator: random.Random) -> bytearray:
    start = _place(content, generator)
    part = content[start : start + generator.choice((1, 2, 8, 64, 512))]
    content[start:start] = part
    return content


def _move(content: bytearray, generator: random.Random) -> bytearray:
    """What stands in one place also in another, so that offsets point into other structures."""
    size = generator.choice((1, 4, 8, 32))
    start, end = _place(content, generator), _place(content, generator)
    part = content[start : start + size]
    content[end : end + len(part)] = part
    return content


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bit,
    _flip_bit,
    _set_byte,
    _set_number,
    _set_number,
    _cut_off,
    _take_out,
    _repeat,
    _move,
)
