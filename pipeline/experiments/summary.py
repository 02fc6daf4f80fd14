"""What was declared, in a few lines for the terminal."""

from __future__ import annotations

from pipeline.experiments.declare import MIN_IMAGES, Declared
from pipeline.experiments.design import OWN, PAPER, SMALL
from pipeline.experiments.durations import Estimate


def lines(declared: Declared, expected: Estimate, *, dry_run: bool) -> list[str]:
    total, new, left = len(declared.trainings), declared.num_new, len(declared.untrained)
    verb = "would be new" if dry_run else "new"
    said = [
        f"{declared.experiment} on {declared.dataset}{_family(declared)}",
        f"{_trainings(total)}: {new} {verb}, {total - new} declared before; {total - left} trained",
    ]
    if declared.num_in_silico:
        said.append(f"in-silico experiments on {declared.num_in_silico} of the models")
    said += _time(expected) if left else []
    if dry_run:
        return [*said, "nothing was written; the same without --dry-run declares it"]
    command = "hypercolumn worker --once && hypercolumn report" if left else "hypercolumn report"
    return [*said, f"Next: {command}"]


def _family(declared: Declared) -> str:
    if declared.family == OWN:
        return ""
    chosen = f", family {declared.family}"
    other = SMALL if declared.family == PAPER else PAPER
    if declared.family_was_chosen:
        return chosen
    return f"{chosen} ({_reason(declared)}; --family {other} takes the other configurations)"


def _reason(declared: Declared) -> str:
    enough = declared.num_train >= MIN_IMAGES
    if enough == (declared.family == PAPER):
        found = f"{declared.num_train} training images"
        return f"{found}, at least {MIN_IMAGES}" if enough else f"{found}, fewer than {MIN_IMAGES}"
    return "as for every recording"


def _time(expected: Estimate) -> list[str]:
    known = expected.num_same + expected.num_scaled
    said = []
    if known:
        said.append(
            f"about {_duration(expected.seconds)} for {_trainings(known)}, one after the other on "
            f"{expected.device_name}, going by {expected.num_measured} measured there; in-silico experiments "
            "come on top"
        )
    if expected.num_scaled:
        said.append(
            f"  {expected.num_scaled} of them only from other sizes or recordings, in proportion to what there is to "
            "compute"
        )
    if expected.num_unknown:
        said.append(
            f"how long {_trainings(expected.num_unknown)} will take is not known: nothing like them was trained yet"
        )
    return said


def _trainings(count: int) -> str:
    return f"{count} training" if count == 1 else f"{count} trainings"


def _duration(seconds: float) -> str:
    for limit, unit, name in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.1f} days"
