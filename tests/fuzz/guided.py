"""Bytes that a fuzzer makes up, guided by which lines they reach: readers of pickles, .npy files and archives.

    pip install atheris
    python tests/fuzz/guided.py pickle --files 10000 --seed 1

It begins with small valid files. The first file that raises anything but a UserError of one line, that takes over 10 s
or 1 GB, ends the run with a traceback and an exit code other than 0; atheris leaves it beside.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parents[1] / "helpers"))

with atheris.instrument_imports(include=["pipeline.readers", "models.lazy", "models.recording"]):
    from pipeline import readers
    from pipeline.readers import npy, original, sensorium

from samples import RECORDING

from pipeline.errors import UserError
from written_formats import write_pickle, write_sensorium, zipped


def read_all(read: Callable[[Path], object]) -> Callable[[Path], None]:
    """A reader of files of which all is looked at."""
    return lambda path: read(path).content_sha256()


def read_npy(path: Path) -> None:
    with path.open("rb") as file:
        npy.read_npy(file, path.stat().st_size, str(path))


def pickles(folder: Path) -> list[Path]:
    return [write_pickle(RECORDING, folder / f"{number}.pkl", number) for number in (2, 3, 4, 5)]


def arrays(folder: Path) -> list[Path]:
    return sorted(write_sensorium(RECORDING, folder / "static").rglob("*.npy"))


def archives(folder: Path) -> list[Path]:
    return [zipped(write_sensorium(RECORDING, folder / "static"))]


TARGETS: dict[str, tuple[Callable[[Path], None], Callable[[Path], list[Path]]]] = {
    "pickle": (read_all(lambda path: readers.read(path, original.name)), pickles),
    "npy": (read_npy, arrays),
    "zip": (read_all(lambda path: readers.read(path, sensorium.name)), archives),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    read, samples = TARGETS[options.target]
    folder = Path(tempfile.mkdtemp(prefix="hypercolumn-fuzz-"))
    corpus, path = folder / "corpus", folder / "file"
    corpus.mkdir()
    (folder / "samples").mkdir()
    for number, sample in enumerate(samples(folder / "samples")):
        (corpus / str(number)).write_bytes(sample.read_bytes())

    def one(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read(path)
        except UserError as error:
            if len(str(error).splitlines()) != 1:
                raise

    limits = [f"-runs={options.files}", f"-seed={options.seed}", "-timeout=10", "-rss_limit_mb=1000", "-max_len=65536"]
    child = os.fork()
    if not child:  # which atheris ends
        atheris.Setup([sys.argv[0], *limits, str(corpus)], one)
        atheris.Fuzz()
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
