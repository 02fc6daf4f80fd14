"""How much memory does it take to inspect and to ingest a recording, and does that grow with its images?

Makes recordings (noise, written chunk by chunk), and inspects and ingests each with the command line, in processes of
their own, into an embedded database of its own. Peak memory is that of the process, what it imports included. A tenth
of 100,000 images by 10,000 neurons shall take less than 2 GB, and more images shall not take more.

    python benchmarks/large_recording.py [--images 2000 5000 10000] [--neurons 10000] [--size 36 64] [--json]
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from common.arguments import parser_of
from common.database import own_database
from common.shown import show
from common.timing import MAXRSS_UNIT, load
from models.lazy import LazyArray
from models.recording import Recording

TEST_IMAGES, REPEATS = 100, 10


def make(path: Path, images: int, neurons: int, size: tuple[int, int]) -> None:
    """A tenth as many images for validation as for training."""

    def shown(count: int) -> LazyArray:
        def read(start: int, stop: int) -> np.ndarray:
            return np.random.default_rng((0, count, start)).integers(0, 256, (stop - start, *size), dtype=np.uint8)

        return LazyArray((count, *size), np.uint8, read)

    def responses(*count: int) -> LazyArray:
        def read(start: int, stop: int) -> np.ndarray:
            random = np.random.default_rng((1, *count, start))
            return random.standard_exponential((stop - start, *count[1:], neurons), np.float32)

        return LazyArray((*count, neurons), np.float32, read)

    validation = max(1, images // 10)
    arrays = shown(images), responses(images), shown(validation), responses(validation)
    Recording(*arrays, shown(TEST_IMAGES), responses(REPEATS, TEST_IMAGES)).write(path)


def taken(*command: str) -> dict[str, float]:
    """What a command of `hypercolumn` took."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "pipeline", *command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"hypercolumn {command[0]} ended with code {process.returncode}; what it said stands above")
    return {
        "peak_mb": used.ru_maxrss * MAXRSS_UNIT / 1e6,
        "wall_s": time.perf_counter() - began,
        "user_s": used.ru_utime,
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[2000, 5000, 10_000], help="for training")
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--size", type=int, nargs=2, default=(36, 64), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="hypercolumn-") as folder, own_database():
        for images in options.images:
            path = Path(folder, f"{images}.h5")
            made = images, options.neurons, tuple(options.size)
            # not in this process: what it had in memory would count for those that it starts
            maker = multiprocessing.get_context("spawn").Process(target=make, args=(path, *made))
            maker.start()
            maker.join()
            if maker.exitcode:
                sys.exit(f"making {path} ended with code {maker.exitcode}; what it said stands above")
            sizes = Recording.lazy(partial(h5py.File, path)).nbytes, path.stat().st_size
            row = {"images": images, "neurons": options.neurons, "arrays_mb": sizes[0] / 1e6, "file_mb": sizes[1] / 1e6}
            for command in (["inspect"], ["ingest", f"images-{images}"]):
                found = taken(*command, str(path))
                rows.append(row | {"command": command[0]} | found | {"load": load()})
            path.unlink()
    show(rows, as_json=options.json, title="large recordings")


if __name__ == "__main__":
    main()
