"""Nothing is unpickled: what ruff's rules S102, S301, S302, S307 and S506 do not see, all else is theirs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("models", "schemas", "pipeline", "benchmarks")
MODULES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unsafe(code: str) -> Iterator[int]:
    """Lines that could run a program that hides in a file."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        if any(name.partition(".")[0] in MODULES for name in names):
            yield node.lineno
        if isinstance(node, ast.Call):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            is_torch_load = ast.unparse(node.func) == "torch.load"
            if (is_torch_load and given.get("weights_only") != "True") or given.get("allow_pickle", "False") != "False":
                yield node.lineno


def test_what_is_unsafe_is_found():
    safe = "import numpy as np\nnp.load(path, allow_pickle=False)\ntorch.load(path, weights_only=True)"
    assert not list(unsafe(safe))
    lines = ["import os, pickle", "from joblib import load", "np.load(path, allow_pickle=True)", "torch.load(path)"]
    assert sorted(unsafe("\n".join(lines))) == [1, 2, 3, 4]


def test_nothing_is_unpickled():
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert len(paths) > 100
    found = [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in unsafe(path.read_text(encoding="utf-8"))]
    assert not found
