"""Pickles of one class and numpy arrays, interpreted without Python's unpickler: nothing can be called.

The few operations that such files need are carried out on plain data, names of classes and functions are only
compared, and arrays stay in the file until their rows are asked for.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.readers.pickled_numpy import NUMPY, Array, Name, Span, Type, called

MOST_OPERATIONS = 100_000
MOST_INLINE = 4096  # bytes of text and small arrays that are read at once

# Operations with one argument that is data as it is.
LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "INT", "LONG", "FLOAT"}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
# How many bytes tell the length, and whether what follows is text.
STRINGS = {
    "SHORT_BINBYTES": (1, False), "BINBYTES": (4, False), "BINBYTES8": (8, False), "BYTEARRAY8": (8, False),
    "SHORT_BINSTRING": (1, False), "BINSTRING": (4, False),
    "SHORT_BINUNICODE": (1, True), "BINUNICODE": (4, True), "BINUNICODE8": (8, True),
}  # fmt: skip
OPERATIONS = {operation.code.encode("latin-1"): operation.name for operation in pickletools.opcodes}
ARGUMENTS = {operation.name: operation.arg for operation in pickletools.opcodes}


def read_pickle(path: Path, classes: Collection[str]) -> dict[str, Any]:
    """The attributes of the one object in a pickle: numbers, texts, and arrays as `Rows`.

    classes: the names that its class may have. Raises UserError that names whatever else the file would call.
    """
    with path.open("rb") as file:
        machine = _Machine(path, file, frozenset(classes))
        try:
            result = machine.run()
            if isinstance(result, _Object):
                return {
                    name: value.rows(path) if isinstance(value, Array) else value
                    for name, value in result.attributes.items()
                }
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{path}: is a damaged pickle ({type(error).__name__}: {reason}); copy it again") from error
    raise UserError(f"{path}: holds {_kind(result)}; allowed is {_listed(classes)}")


@dataclass(eq=False)
class _Object:
    attributes: dict[str, Any] = field(default_factory=dict)


class _Machine:
    """The stack machine that a pickle is a program for, without the operations that call something."""

    def __init__(self, path: Path, file: io.BufferedReader, classes: frozenset[str]) -> None:
        self.path, self.file, self.classes = path, file, classes
        self.size = path.stat().st_size
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST_OPERATIONS):
            name = OPERATIONS.get(self.file.read(1))
            if name == "STOP":
                return self.stack.pop()
            if name is None:
                raise ValueError("ends early, or is no pickle")
            self.step(name)
        raise UserError(f"{self.path}: holds more than {MOST_OPERATIONS} objects; allowed are arrays and numbers")

    def step(self, name: str) -> None:
        if name in STRINGS:
            self.stack.append(self.string(*STRINGS[name]))
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in LITERALS:
            self.stack.append(self.argument(name))
        elif name in STEPS:
            STEPS[name](self)
        elif name not in ("PROTO", "FRAME"):
            raise UserError(
                f"{self.path}: holds the operation {name}; allowed are arrays and numbers of {self.allowed}"
            )
        else:
            self.argument(name)

    @property
    def allowed(self) -> str:
        return _listed(self.classes)

    def argument(self, name: str) -> Any:
        argument: Any = ARGUMENTS[name]
        return argument.reader(self)

    # What the readers of pickletools ask of a file; no more than what plain numbers and names need.

    def read(self, count: int) -> bytes:
        return self.file.read(min(max(count, 0), MOST_INLINE))

    def readline(self) -> bytes:
        return self.file.readline(MOST_INLINE)

    def string(self, width: int, is_text: bool) -> str | bytes | Span:
        length = int.from_bytes(self.file.read(width), "little")
        start = self.file.tell()
        if start + length > self.size:
            raise ValueError(f"ends early, {length} bytes were announced at {start}")
        if length > MOST_INLINE:
            self.file.seek(length, io.SEEK_CUR)
            return Span(start, length, is_text)
        content = self.file.read(length)
        return content.decode("utf-8", "surrogatepass") if is_text else content

    def name(self, name: str) -> None:
        if name not in NUMPY and name not in self.classes:
            raise UserError(
                f"{self.path}: would call {name[:100]!r}; allowed are numpy arrays and {self.allowed}; "
                "nothing was executed"
            )
        self.stack.append(Name(name))

    def marked(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def set_items(self, pairs: list[Any]) -> None:
        mapping = self.stack[-1]
        if not isinstance(mapping, dict) or not all(isinstance(key, str) for key in pairs[::2]):
            raise ValueError("a mapping with keys that are no names")
        mapping.update(zip(pairs[::2], pairs[1::2], strict=True))

    def append(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("items without a list")
        self.stack[-1].extend(items)

    def reduce(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise ValueError("a call without a name")
        self.stack.append(called(name, arguments))

    def new(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, Name) or name not in self.classes or arguments != ():
            raise ValueError("an object of something else than the class")
        self.stack.append(_Object())

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Array) and isinstance(state, tuple):
            target.set(*state[-4:])
        elif isinstance(target, Type) and isinstance(state, tuple) and state[1] in ("<", ">", "|", "="):
            target.order = state[1]
        elif isinstance(target, _Object) and isinstance(state, dict):
            target.attributes.update(state)
        else:
            raise ValueError("a state that fits nothing")


def _kind(value: Any) -> str:
    return "an array" if isinstance(value, Array) else f"a {type(value).__name__.strip('_').lower()}"


def _listed(classes: Collection[str]) -> str:
    return " or ".join(sorted(classes))


def _global(machine: _Machine) -> None:
    lines = [machine.readline(), machine.readline()]
    if not all(line.endswith(b"\n") for line in lines):
        raise ValueError("a name that does not end")
    machine.name(".".join(line[:-1].decode("ascii") for line in lines))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise ValueError("a name that is no text")
    machine.name(f"{module}.{name}")


def _tuple(count: int) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        items = tuple(machine.stack[-count:])
        if len(items) < count:
            raise ValueError("too few items")
        machine.stack[-count:] = [items]

    return step


def _tuple_of_marked(machine: _Machine) -> None:
    items = tuple(machine.marked())
    machine.stack.append(items)


def _mark(machine: _Machine) -> None:
    machine.marks.append(machine.stack)
    machine.stack = []


def _put(name: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.memo.__setitem__(int(machine.argument(name)), machine.stack[-1])


def _get(name: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.memo[int(machine.argument(name))])


STEPS: dict[str, Callable[[_Machine], Any]] = {
    "MARK": _mark,
    "POP": lambda machine: machine.stack.pop(),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.new,
    "BUILD": _Machine.build,
    "EMPTY_LIST": lambda machine: machine.stack.append([]),
    "EMPTY_DICT": lambda machine: machine.stack.append({}),
    "APPEND": lambda machine: machine.append([machine.stack.pop()]),
    "APPENDS": lambda machine: machine.append(machine.marked()),
    "SETITEM": lambda machine: machine.set_items([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine: machine.set_items(machine.marked()),
    "TUPLE": _tuple_of_marked,
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "MEMOIZE": lambda machine: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    **{name: _put(name) for name in ("PUT", "BINPUT", "LONG_BINPUT")},
    **{name: _get(name) for name in ("GET", "BINGET", "LONG_BINGET")},
}
