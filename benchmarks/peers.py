"""Makes the environments in which the peers of `step.py` live. They are never dependencies of this project.

    python benchmarks/peers.py [--peers FOLDER]

Each peer gets a virtual environment of its own, with PyTorch in this project's version, so that only the networks
differ, and a module `as_it_was`, which a .pth file of that environment loads at its start:

neuralpredictors 0.3.0 does not import on Python 3.10 or later: it takes `Iterable` and `Mapping` from `collections`,
and `math.factorial` of whole floats, so both are given back. Of torchvision it only needs that there is a module.
Its rotation-equivariant core looks for its kernels under a name that they do not have; `networks/neuralpredictors.py`
gives them that name.

escnn 1.0.11 requires lie-learn and py3nj, which need compilers. Both are for rotations in space; for those in the
plane it is enough that there is a function of that name to import.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

from common.arguments import parser_of

CACHE = Path("~/.cache/hypercolumn-peers").expanduser()
SHARED = (f"torch=={version('torch').partition('+')[0]}", "numpy==2.4.6", "scipy==1.17.1")
PACKAGES = {
    "neuralpredictors": ("neuralpredictors==0.3.0", "pandas==3.1.1", "h5py==3.16.0", "tqdm==4.70.1"),
    "escnn": ("escnn==1.0.11", "joblib==1.5.3"),
}
AS_IT_WAS = {
    "neuralpredictors": """\
import collections, collections.abc, math, sys, types

collections.Iterable, collections.Mapping = collections.abc.Iterable, collections.abc.Mapping
sys.modules["torchvision"] = types.ModuleType("torchvision")
_factorial = math.factorial
math.factorial = lambda n: _factorial(int(n)) if n == int(n) else _factorial(n)
""",
    "escnn": """\
import sys, types

for name in ("lie_learn", "lie_learn.representations", "lie_learn.representations.SO3"):
    sys.modules[name] = types.ModuleType(name)
wigner_d = types.ModuleType("lie_learn.representations.SO3.wigner_d")
wigner_d.wigner_D_matrix = None
sys.modules[wigner_d.__name__] = wigner_d
""",
}


def python_of(peer: str, folder: Path = CACHE) -> Path:
    """The interpreter of a peer's environment, made or not."""
    return folder / peer / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def make(peer: str, folder: Path) -> None:
    """Raises CalledProcessError where something cannot be installed."""
    environment = folder / peer
    venv.create(environment, with_pip=True, clear=True)
    python = str(python_of(peer, folder))
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    own, *needed = PACKAGES[peer]
    subprocess.run([*install, *SHARED, *needed], check=True)
    # What it requires besides cannot be had or is not needed.
    subprocess.run([*install, "--no-deps", own], check=True)
    (packages,) = environment.glob("[Ll]ib/**/site-packages")
    (packages / "as_it_was.py").write_text(AS_IT_WAS[peer])
    (packages / "as_it_was.pth").write_text("import as_it_was\n")
    subprocess.run([python, "-W", "ignore", "-c", f"import {peer}"], check=True)
    print(f"{peer}: {python}")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--peers", type=Path, default=CACHE, metavar="FOLDER", help=f"default: {CACHE}")
    folder = parser.parse_args().peers
    for peer in PACKAGES:
        make(peer, folder)


if __name__ == "__main__":
    main()
