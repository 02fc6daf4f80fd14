"""What decides on the last bits of a training and differs between a stored row and this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from schemas import provenance

if TYPE_CHECKING:
    import torch

COLUMNS = ("git_commit", "git_dirty", "device", "device_name", "cuda_version", "num_threads")
JSON = ("versions", "numerics")


def differences(row: dict[str, Any], device: torch.device) -> list[str]:
    """A line for each of code, versions, device, threads and settings that is not as the row has it."""
    before, now = _flat(row), _flat(provenance.of_run(device, datetime.now(UTC), 0.0))
    names = [*before, *(name for name in now if name not in before)]
    return [
        f"{name.replace('_', ' ')}: {_text(before.get(name))} then, {_text(now.get(name))} now"
        for name in names
        if before.get(name) != now.get(name)
    ]


@contextmanager
def threads_of(row: dict[str, Any], available: int) -> Iterator[None]:
    """While it is open, as many threads compute as computed the row, where the machine has so many processors.

    The order in which a sum is taken, and so its last bits, goes by the number of threads.
    """
    import torch

    wanted, blas = row["num_threads"], (row["numerics"] or {}).get("blas_threads")
    before = torch.get_num_threads()
    if wanted is not None and wanted <= available:
        torch.set_num_threads(wanted)
    try:
        with threadpool_limits(blas if blas is not None and blas <= available else None, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat = {name: row[name] for name in COLUMNS}
    flat["git_dirty"] = None if row["git_dirty"] is None else bool(row["git_dirty"])  # MySQL has numbers
    flat["device"] = row["device"].partition(":")[0]  # which of several GPUs is nothing to the bits
    for name in JSON:
        flat |= row[name] or {}
    return flat


def _text(value: Any) -> str:
    return "unknown" if value is None else str(value)
