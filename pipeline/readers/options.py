"""What a user may choose of how a recording is read; kept with its row, so that reading again gives the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from pipeline.errors import UserError

MOST_PIXELS = 2**15  # of a side
MOST_SEED = 2**32 - 1
LONGEST_TEXT = 200  # characters
# Why most formats refuse what is for files with times.
WITHOUT_TIMES = {
    "window": "has no times, only responses",
    "stimulus": "has one set of images",
    "responses": "has one set of responses",
}


@dataclass(frozen=True)
class Options:
    """None leaves what the file has. Raises UserError, which names the option, about a value that does not do."""

    grey: bool = False  # images in colour become their luminance
    crop: tuple[int, int, int, int] | None = None  # pixels taken off: top, bottom, left, right; before the size
    size: tuple[int, int] | None = None  # (height, width) in pixels, by averages over areas
    split: tuple[float, float, float] | None = None  # shares of the images: train, validation, test
    split_seed: int = 0
    window: tuple[float, float] | None = None  # seconds from an image's onset in which its responses are taken
    units: str | None = None  # which neurons: a column of the file and its value, "area=V1"
    stimulus: str | None = None  # which of several stimuli of an NWB file
    responses: str | None = None  # which of several tables of units or series of fluorescence of an NWB file

    def __post_init__(self) -> None:
        if not isinstance(self.grey, bool):
            raise UserError(f"grey is {self.grey!r}; allowed are true and false")
        for name, (numbers, does, allowed) in NUMBERS.items():
            given = getattr(self, name)
            if given is not None and not (_is_sequence(given, numbers) and does(given)):
                raise UserError(f"{name} is {_shown(given, numbers.separator)}; allowed are {allowed}")
        if not _is_number(self.split_seed, int) or not 0 <= self.split_seed <= MOST_SEED:
            raise UserError(f"split_seed is {self.split_seed!r}; allowed are whole numbers from 0 to {MOST_SEED}")
        if self.split_seed and self.split is None:
            raise UserError(f"split_seed is {self.split_seed} without a split; name its shares, or leave it out")
        for name in ("units", "stimulus", "responses"):
            if getattr(self, name) is not None and not _is_line(getattr(self, name)):
                raise UserError(f"{name} is {_shown(getattr(self, name))}; allowed is a line of text")
        if self.units is not None and not all(part.strip() for part in self.units.partition("=")):
            raise UserError(f"units is {_shown(self.units)}; allowed is the name of a column and its value, area=V1")

    @classmethod
    def of(cls, **given: Any) -> Options:
        """From what was written: text as on the command line, or numbers and sequences as in Python and JSON."""
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise UserError(f"option {min(unknown)!r} is unknown; allowed are {', '.join(f.name for f in fields(cls))}")
        for name, (numbers, _, _) in NUMBERS.items():
            if given.get(name) is not None:
                given[name] = _numbers(given[name], numbers)
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON has it; `Options.of(**to_dict())` is the same again."""
        chosen = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        if self.split is not None:
            chosen["split_seed"] = self.split_seed
        return {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.items()}

    def refuse(self, source: str, **reasons: str) -> None:
        """Raises UserError about the first named option that was chosen, with the reason why it cannot be."""
        for name, reason in reasons.items():
            if getattr(self, name) is not None:
                raise UserError(f"{source}: {reason}; leave out {name}")


@dataclass(frozen=True)
class _Numbers:
    kind: type
    count: int
    separator: str


# By option: its numbers, what must hold of them, and that in words.
NUMBERS: dict[str, tuple[_Numbers, Callable[[Any], bool], str]] = {
    "crop": (
        _Numbers(int, 4, ","),
        lambda crop: all(0 <= pixels <= MOST_PIXELS for pixels in crop),
        "four whole numbers of pixels that are taken off: top,bottom,left,right",
    ),
    "size": (
        _Numbers(int, 2, "x"),
        lambda size: all(1 <= pixels <= MOST_PIXELS for pixels in size),
        "two whole numbers of pixels: HEIGHTxWIDTH",
    ),
    "split": (
        _Numbers(float, 3, ","),
        lambda shares: all(share > 0 for share in shares) and abs(sum(shares) - 1) < 1e-6,
        "three shares above 0 that sum to 1: train,validation,test",
    ),
    "window": (
        _Numbers(float, 2, ","),
        lambda window: all(map(math.isfinite, window)) and window[0] < window[1],
        "two numbers of seconds from the onset, the earlier one first: FROM,TO",
    ),
}


def _numbers(given: Any, numbers: _Numbers) -> Any:
    """The tuple that a text or a sequence stands for; what stands for none comes back as it is, and is refused."""
    if isinstance(given, str):
        given = given[:LONGEST_TEXT]
        parts: Iterable[Any] = given.lower().split(numbers.separator)
    else:
        try:
            parts = tuple(given)
        except TypeError:
            return given
    try:
        return tuple(_number(part, numbers.kind) for part in parts)
    except (TypeError, ValueError, OverflowError):
        return given


def _number(part: Any, kind: type) -> Any:
    value = kind(part)
    if not isinstance(part, str) and value != part:
        raise ValueError
    return value


def _is_sequence(given: Any, numbers: _Numbers) -> bool:
    return (
        isinstance(given, tuple)
        and len(given) == numbers.count
        and all(_is_number(number, numbers.kind) for number in given)
    )


def _is_number(given: Any, kind: type) -> bool:
    return isinstance(given, (int, kind)) and not isinstance(given, bool)


def _is_line(text: Any) -> bool:
    return isinstance(text, str) and text.isprintable() and 0 < len(text.strip()) <= len(text) <= LONGEST_TEXT


def _shown(given: Any, separator: str = ",") -> str:
    text = separator.join(map(str, given)) if isinstance(given, tuple | list) else str(given)
    return repr(text if len(text) <= 40 else text[:37] + "...")
