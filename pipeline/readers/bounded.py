"""So much memory and no more, while another package goes through a file that may announce more than it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

MOST = 3 * 2**28  # bytes; a text that is damaged says that it is of up to 4 GB, and HDF5 takes the memory first


@contextmanager
def bounded_memory(most: int = MOST) -> Iterator[None]:
    """What asks for more than that, on top of what the process has, fails: MemoryError, or the library's own.

    On Linux; elsewhere nothing is bounded, for no limit of theirs counts what a process has written to.
    """
    used = getattr(psutil.Process().memory_info(), "data", None)
    if used is None:
        yield
        return
    import resource  # which Windows does not have

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit in (used + most, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
