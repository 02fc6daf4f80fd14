"""The machine: memory, room on the disk, the device that computes, a scheduler's commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from pipeline.doctor.finding import Finding, fault, ok, warning
from pipeline.errors import said

LITTLE_MEMORY = 2 << 30  # bytes; a training of the demo's size takes half of that, Python with PyTorch included
LITTLE_ROOM = 1 << 30  # bytes
SLURM = ("sbatch", "sinfo", "squeue")
PATIENCE = 20  # seconds, with Slurm's commands


def check() -> Iterator[Finding]:
    total, free = psutil.virtual_memory().total, psutil.virtual_memory().available
    found = f"{free / 2**30:.1f} of {total / 2**30:.1f} GB free, processors: {_processors()}"
    if free < LITTLE_MEMORY:
        yield warning("memory", found, "end other programs, or work on a machine with more")
    else:
        yield ok("memory", found)
    yield room("temporary files", Path(tempfile.gettempdir()), "set TMPDIR to a folder with more")


def room(what: str, folder: Path, advice: str, least: int = 0) -> Finding:
    """How much room the disk of a folder has, which need not be there yet; a fault where it is less than `least`."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 2**30:.1f} GB free on the disk of {folder}"
    if free < least:
        return fault(what, found, advice)
    return warning(what, found, advice) if free < LITTLE_ROOM else ok(what, found)


def check_device() -> Iterator[Finding]:
    import torch

    threads, processors = torch.get_num_threads(), _processors()
    found = f"PyTorch {torch.__version__}, threads: {threads}"
    if threads > processors:
        yield warning("processor", f"{found}, processors: {processors}", "set OMP_NUM_THREADS to fewer")
    else:
        yield ok("processor", found)
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield _try(index)
    elif shutil.which("nvidia-smi") is None:
        yield ok("GPU", "none; trainings are on the CPU")
    elif torch.version.cuda is None:
        yield warning("GPU", "there is one, but this PyTorch is built without CUDA", "install PyTorch with CUDA")
    else:
        yield warning(
            "GPU",
            f"nvidia-smi is here, but PyTorch for CUDA {torch.version.cuda} sees no device",
            "see what nvidia-smi says; update the driver, or unset CUDA_VISIBLE_DEVICES",
        )


def _try(index: int) -> Finding:
    import torch

    try:
        free, total = torch.cuda.mem_get_info(index)
        torch.nn.functional.conv2d(torch.ones(1, 1, 8, 8, device=f"cuda:{index}"), torch.ones(1, 1, 3, 3).to(index))
        torch.cuda.synchronize(index)
    except RuntimeError as error:
        return fault(f"GPU {index}", said(error)[:200], "update the driver, or train with --device cpu")
    name = torch.cuda.get_device_name(index)
    memory = f"{free / 2**30:.1f} of {total / 2**30:.1f} GB free"
    return ok(f"GPU {index}", f"{name}, CUDA {torch.version.cuda}, {memory}")


def check_scheduler() -> Iterator[Finding]:
    missing = [program for program in SLURM if shutil.which(program) is None]
    if len(missing) == len(SLURM):
        yield ok("Slurm", "not here; only `hypercolumn submit` needs it")
    elif missing:
        yield warning("Slurm", f"{', '.join(missing)} missing", "install Slurm's client commands, or mend PATH")
    else:
        yield _slurm()


def _slurm() -> Finding:
    try:
        done = subprocess.run(["sinfo", "--version"], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:  # it waits a minute for a configuration that is not there
        reason = f"no answer in {PATIENCE} s"
    else:
        if done.returncode == 0:
            return ok("Slurm", done.stdout.strip())
        reason = done.stderr.strip().rpartition("\n")[2]
    return warning("Slurm", f"its commands fail ({reason})", "set SLURM_CONF, or submit elsewhere")


def _processors() -> int:
    """How many of them this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count() or 1
