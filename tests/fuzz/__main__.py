"""Files made to break the readers: each is refused in one line or comes in whole, and nothing else happens.

    python tests/fuzz                                   10,000 mutated files of each format; hours for all of them
    python tests/fuzz --format hdf5 --files 1000 --seed 3

Valid files of each format are mutated at random, from a seed, and each goes through `hypercolumn inspect` and `ingest`,
on an embedded server of its own. Whatever is neither exit code 0 nor 2 with one line, every traceback, every process
that ends, every file that takes over 10 s of the processor or 1 GB, and every row or stored file of what was
refused is told, and the file kept. Ends with exit code 0 if there is none.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.progress import track

sys.path.append(str(Path(__file__).parents[1] / "helpers"))

from ingesting import Ingesting
from mutations import mutated
from samples import SAMPLES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", dest="formats", choices=SAMPLES, action="append", help="default: all")
    parser.add_argument("--files", type=int, default=10_000, help="of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"), help="where files with findings go")
    options = parser.parse_args()
    found = sum(fuzz(name, options.files, options.seed, options.keep) for name in options.formats or SAMPLES)
    print("all is as it should be" if not found else f"{found} findings; their files are in {options.keep}")
    return min(found, 1)


def fuzz(name: str, count: int, seed: int, keep: Path) -> int:
    """Gives the number of findings."""
    generator = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory(prefix="hypercolumn-fuzz-") as text:
        folder = Path(text)
        (folder / "samples").mkdir()
        samples = SAMPLES[name](folder / "samples")
        home = folder / "home"
        home.mkdir()
        outcomes: Counter[str] = Counter()
        longest, largest, findings = 0.0, 0, 0
        with Ingesting(name, os.environ | {"HYPERCOLUMN_HOME": str(home)}) as ingesting:
            for sample in samples:  # or all would be refused for one and the same reason
                answer = ingesting.take(f"sample-{sample.stem}", sample)
                assert answer.kind == "taken", f"{sample.name} is no valid file: {answer.said}"
            for number in track(range(count), description=name, disable=not sys.stdout.isatty()):
                sample = generator.choice(samples)
                path = mutated(sample, folder / f"{number:06d}{sample.suffix}", generator)
                answer = ingesting.take(f"file-{number}", path)
                outcomes[answer.kind] += 1
                longest, largest = max(longest, answer.seconds), max(largest, answer.mib)
                if answer.kind not in ("taken", "refused"):
                    findings += 1
                    keep.mkdir(parents=True, exist_ok=True)
                    kept = shutil.move(path, keep / f"{name}-{seed}-{path.name}")
                    print(f"{kept}: {answer.kind}: {answer.said}", flush=True)
                elif path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            left = ingesting.left_over(len(samples) + outcomes["taken"])
        findings += len(left)
        for line in left:
            print(f"{name}: {line}")
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(outcomes.items()))
    print(f"{name}: {counts}; at most {longest:.1f} s and {largest} MiB more than before the first", flush=True)
    return findings


if __name__ == "__main__":
    sys.exit(main())
