"""What differs between numbers that are stored and the same computed again: column by column, tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

# Of a column and its stored value, by how much the one found may differ; infinite where that is not judged.
Tolerance = Callable[[str, Any], float]


@dataclass(frozen=True)
class Difference:
    """Where a column or a tensor differs most, and whether all its differences are tolerated."""

    name: str
    said: str
    tolerated: bool


def differing_columns(
    stored: list[dict[str, Any]], found: list[dict[str, Any]], key: str | None, tolerance: Tolerance
) -> list[Difference]:
    """Differences to the bit, column by column of `found`; rows are told apart by the column `key`, one needs none."""
    before, now = ({row[key] if key else None: row for row in rows} for rows in (stored, found))
    differences = []
    if before.keys() != now.keys():
        said = f"{len(stored)} in the database, {len(found)} now"
        differences.append(Difference("rows", said, math.isinf(tolerance("rows", None))))
    common = before.keys() & now.keys()
    for column in dict.fromkeys(name for row in found for name in row if name != key):
        unequal = {one: (before[one][column], now[one][column]) for one in common}
        unequal = {one: (old, new) for one, (old, new) in unequal.items() if old != new}
        if unequal:
            where = f"{len(unequal)} of {len(common)} rows, most at {key} {{}}: " if key else ""
            differences.append(_largest(column, unequal, where, tolerance))
    return differences


def differing_tensors(stored: dict[str, Tensor], found: dict[str, Tensor], tolerance: Tolerance) -> list[Difference]:
    """Tensors that are not the same to the bit."""
    differences = []
    for name in sorted(stored.keys() | found.keys()):
        if name not in stored or name not in found:
            differences.append(Difference(name, f"only {'now' if name in found else 'in the file'}", False))
        elif said := _difference(stored[name], found[name]):
            differences.append(Difference(name, said, math.isinf(tolerance(name, None))))
    return differences


def _largest(column: str, unequal: dict[Any, tuple[Any, Any]], where: str, tolerance: Tolerance) -> Difference:
    sizes = {one: _distance(*pair) for one, pair in unequal.items()}
    worst = max(sizes, key=sizes.__getitem__)
    old, new = ("null" if value is None else repr(value) for value in unequal[worst])
    apart = f", {sizes[worst]:.2g} apart" if math.isfinite(sizes[worst]) else ""
    tolerated = all(sizes[one] <= tolerance(column, pair[0]) for one, pair in unequal.items())
    return Difference(column, f"{where.format(worst)}{old} in the database, {new} now{apart}", tolerated)


def _distance(before: Any, now: Any) -> float:
    """Infinite between a number and null."""
    return math.inf if before is None or now is None else abs(float(now) - float(before))


def _difference(stored: Tensor, found: Tensor) -> str | None:
    if (stored.dtype, stored.shape) != (found.dtype, found.shape):
        return f"{stored.dtype} {tuple(stored.shape)} in the file, {found.dtype} {tuple(found.shape)} now"
    if stored.numpy().tobytes() == found.numpy().tobytes():
        return None
    largest = float((stored.double() - found.double()).abs().max())
    return f"by up to {largest:.2g}, where the largest value is {float(stored.double().abs().max()):.2g}"
