"""A job that does not fit into the memory of its device says so in one line, and leaves the memory to the next."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from schemas import recordings

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")

# Of errors of no class of their own: of a CPU; of a device that other processes fill; of its library for matrices
SAID = ("DefaultCPUAllocator: can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


class OutOfMemoryError(Exception):
    """A device has too little memory for a job: which, for what, and what to do."""


def enough_for(job: Callable[[], Result], device: torch.device, what: str, advice: str) -> Result:
    """What the job gives. Raises OutOfMemoryError where memory was too little, with what it holds already free again.

    what: took the memory. advice: how less is taken.
    """
    try:
        return job()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        found = ". ".join(" ".join(str(error).split()).split(". ")[:3])
    # Not inside of `except`: the error would be this one's context, and its traceback would hold all that was made.
    recordings.forget()
    gc.collect()
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()
    raise OutOfMemoryError(f"{device} has too little memory for {what} ({found}); {advice}")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch or numpy found no memory."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in SAID)
