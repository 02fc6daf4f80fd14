"""Arrays that lie on the disk, where there is too little memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable

import numpy as np


def on_disk(shape: tuple[int, ...], dtype: np.dtype, parts: Iterable[np.ndarray]) -> np.ndarray:
    """An array of so many rows that come in parts, mapped from a file that has no name.

    Its room on the disk is free again when the array is gone, or the process, however it ends. It lies in Python's
    temporary folder, which TMPDIR names; OSError names it where there is no room. Changes stay in memory.
    """
    folder = tempfile.gettempdir()
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype).data)
            file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, folder) from error
        return np.memmap(file, dtype, "c", shape=shape)
