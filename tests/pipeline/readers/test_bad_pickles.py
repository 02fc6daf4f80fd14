"""Pickles are read without being unpickled: what calls something is refused by name, and nothing is executed."""

from __future__ import annotations

import os
import pickle
import resource
import struct
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.readers import read
from written_formats import write_pickle


class Calls:
    """Pickled, it is a call of a function with arguments."""

    def __init__(self, called, *arguments):
        self.called, self.arguments = called, arguments

    def __reduce__(self):
        return self.called, self.arguments


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("called", "name"),
    [(os.system, "posix.system"), (eval, "__builtin__.eval"), (os.mkdir, "posix.mkdir"), (getattr, "getattr"),
     (np.load, "numpy.load"), (np.save, "numpy.save"), (Path, "pathlib.Path"), (print, "print")],
)  # fmt: skip
def test_calls_are_refused_by_name(shown, tmp_path, refusal, called, name, protocol):
    trace = tmp_path / "trace"
    argument = {os.system: f"mkdir {trace}", eval: f"__import__('os').mkdir({str(trace)!r})", os.mkdir: str(trace),
                np.save: (str(trace), 1)}  # fmt: skip
    given = argument.get(called, "x")
    call = Calls(called, *(given if isinstance(given, tuple) else (given,)))
    path = write_pickle(shown, tmp_path / "data.pkl", protocol, extra=[call])
    line = refusal(path)
    assert name.removeprefix("__builtin__.") in line
    assert line.endswith("'; allowed are numpy arrays and __main__.Dataset or cnn_sys_ident.mesonet.data.Dataset or "
                         "data.Dataset; nothing was executed")  # fmt: skip
    alone = tmp_path / "alone.pkl"
    alone.write_bytes(pickle.dumps(call, protocol))
    assert "would call" in refusal(alone, "original")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["alone.pkl", "data.pkl"]


def raw(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


NESTED = b"]" + b"\x94" + b"".join(b"](h" + bytes([i]) + b"h" + bytes([i]) + b"e\x94" for i in range(60))
BAD = {
    "nothing": (b"", "is a damaged pickle (ValueError: ends early"),
    "only a start": (b"\x80\x04", "ends early"),
    "an old protocol": (pickle.dumps({"a": [1]}, 0), "holds the operation DICT"),
    "an array": (pickle.dumps(np.arange(3)), "holds an array; allowed is"),
    "a dict": (pickle.dumps({"images_train": 1}), "holds a dict; allowed is"),
    "objects in an array": (pickle.dumps(np.array([{}], object)), "an array of 'O8'; allowed are numbers"),
    "a persistent name": (raw(b"Pname\n"), "holds the operation PERSID"),
    "an extension": (raw(b"\x82\x01"), "holds the operation EXT1"),
    "an instance": (raw(b"(ios\nsystem\n"), "holds the operation INST"),
    "a name that is nested": (raw(NESTED, b"h\x3c", b"h\x3c", b"\x93"), "a name that is no text"),
    "a class that is nested": (raw(NESTED, b"h\x3c", b")\x81"), "an object of something else"),
    "keys that are nested": (raw(b"}", NESTED, b"h\x3cNs"), "damaged pickle"),
    "a far memory": (raw(b"Nr\xff\xff\xff\xff"), "holds a nonetype"),
    "more bytes than there are": (raw(b"\x8e", struct.pack("<Q", 2**62)), "ends early"),
    "more text than there is": (raw(b"\x8d", struct.pack("<Q", 2**40), b"abc"), "ends early"),
    "a long number": (raw(b"\x8b\xff\xff\xff\x7f"), "holds the operation LONG4"),
    "many objects": (raw(b"N" * 100_001), "holds more than 100000 objects"),
    "an empty stack": (raw(b"\x85"), "damaged pickle"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_bad_pickles(tmp_path, refusal, fault):
    content, said = BAD[fault]
    path = tmp_path / "data.pkl"
    path.write_bytes(content)
    assert said in refusal(path, "original")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images_test": None}, "has no array images_test"),
        ({"images_val": "text"}, "has no array images_val"),
        ({"responses_test": np.zeros((3, 4))}, "responses_test has 2 dimensions, (3, 4); allowed is 3"),
        ({"images_train": np.zeros((5, 7, 9, 2))}, "images have the shape (5, 7, 9, 2); allowed are"),
        ({"responses_train": np.zeros((5, 7), "S3")}, "damaged pickle"),
        ({"responses_train": np.zeros((5, 7), complex)}, "damaged pickle"),
    ],
)
def test_attributes_that_are_no_recording(shown, tmp_path, refusal, change, said):
    assert said in refusal(write_pickle(shown, tmp_path / "data.pkl", **change))


def test_an_array_larger_than_memory_allows(shown, tmp_path):
    # Arrays stay in the file: 4 GB, most of which was never written, are read row by row.
    large = Path(write_pickle(shown, tmp_path / "data.pkl", images_train=np.zeros((1, 64, 64, 1), np.uint8)))
    content = large.read_bytes()
    start = content.index(b"B\x00\x10\x00\x00") + 5  # 4096 bytes
    assert content.count(b"B\x00\x10\x00\x00") == 1
    grown = 2**20 * 4096
    shape = content.rindex(b"(K\x01K\x40K\x40K\x01t", 0, start)
    head = content[:shape] + b"(J" + struct.pack("<i", 2**20) + b"K\x40K\x40K\x01t" + content[shape + 10 : start - 5]
    with large.open("wb") as file:
        file.write(head + b"\x8e" + struct.pack("<Q", grown))
        file.seek(grown, os.SEEK_CUR)
        file.write(content[start + 4096 :])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read(large)
    assert found.train_images.shape == (2**20, 64, 64)
    assert not found.train_images[2**19 : 2**19 + 7].any()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize("protocol", [2, 4])
def test_changed_bytes_are_refused_or_read(shown, tmp_path, protocol):
    content, generator = write_pickle(shown, tmp_path / "data.pkl", protocol).read_bytes(), np.random.default_rng(0)
    path, refusals = tmp_path / "changed.pkl", 0
    # What tells of arrays are few of the bytes, and these are where a change matters.
    structure = [i for i in range(len(content)) if content[i : i + 8].isascii()]
    for _ in range(100):
        changed = bytearray(content)
        for place in generator.choice(structure, size=generator.integers(1, 4)):
            changed[place] = generator.integers(256)
        path.write_bytes(changed[: generator.integers(1, len(content))] if generator.random() < 0.1 else changed)
        said = ""
        try:
            read(path, "original").content_sha256()
        except UserError as error:
            said = str(error)
        refusals += bool(said)
        assert not said or said.startswith(str(path))
    assert refusals > 20
