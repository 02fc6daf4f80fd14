"""All that has to be measured on a GPU, by one command on a machine that has one: one object of JSON.

    python3 benchmarks/gpu.py > figures.json [--environment FOLDER] [--device cuda:0]

It brings what is missing: this checkout is installed into a virtual environment of its own, for which PyTorch comes in
the build for CUDA, so that any Python from 3.11 on will do. Then follow, each in a process of its own, the tests that
need a GPU, the share of the device's rate that a step reaches (`roofline.py`), a step beside those of a plain network
and of the peers that `peers.py` has installed (`step.py`), both in single precision and in bfloat16, and trainings of
the paper's main model through the tables in each precision (`precisions.py`). What fails is named with the end of what
it said, and the rest goes on; the exit code is then 1.

--small does all of it in tiny sizes, and with --device cpu everywhere: it tells whether the command works.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path("~/.cache/hypercolumn-gpu").expanduser()
TESTS = tuple(f"tests/models/test_{name}.py" for name in ("training_step", "precision", "data", "exported"))
DEVICE = """
import json, torch
about = {"torch": torch.__version__, "cuda": torch.version.cuda}
if torch.cuda.is_available():
    about |= {"cudnn": torch.backends.cudnn.version(), "gpus": [torch.cuda.get_device_name(i)
              for i in range(torch.cuda.device_count())]}
print(json.dumps(about))
"""


def environment(folder: Path) -> Path:
    """The Python of the environment, with this checkout as it is now and what its tests need."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    wanted = [str(ROOT), "pytest>=8.3,<10"]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True, stdout=sys.stderr)
    return python


def commands(device: str, small: bool) -> dict[str, list[str]]:
    """What is run, by name, as arguments of Python."""
    size = ["--neurons", "20", "--batch", "4"] if small else ["--neurons", "6005", "--batch", "256"]
    steps = ["--steps", "2"] if small else ["--steps", "20"]
    training = [*size, "--images", "60", "--steps", "2"] if small else ["--steps", "500"]
    on = ["--device", device, "--json"]
    found = {"tests": ["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *TESTS]}
    for precision in ("float32", "bfloat16"):
        for script in ("roofline", "step"):
            arguments = [f"benchmarks/{script}.py", *size, *steps, *on, "--precision", precision]
            found[f"{script}, {precision}"] = arguments
    return found | {"precisions": ["benchmarks/precisions.py", *training, *on]}


def measure(python: Path, arguments: list[str]) -> dict[str, Any]:
    """Figures, or for the tests their last lines; with how long it took, and what it said where it failed."""
    began = time.monotonic()
    done = subprocess.run(
        [python, *arguments], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    found: dict[str, Any] = {"seconds": round(time.monotonic() - began, 1), "code": done.returncode}
    if done.returncode:
        return found | {"failure": (done.stdout + done.stderr).splitlines()[-20:]}
    as_json = "--json" in arguments
    return found | {"figures": json.loads(done.stdout) if as_json else done.stdout.splitlines()[-5:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, default=CACHE, metavar="FOLDER")
    parser.add_argument("--python", type=Path, help="of an environment that has everything; nothing is installed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    python = options.python or environment(options.environment)
    found: dict[str, Any] = {"device": measure(python, ["-c", DEVICE, "--json"])}
    for name, arguments in commands(options.device, options.small).items():
        print(f"{name}: {' '.join(arguments)}", file=sys.stderr)
        found[name] = measure(python, arguments)
    print(json.dumps(found, indent=2))
    sys.exit(any(one["code"] for one in found.values()))


if __name__ == "__main__":
    main()
