"""How much memory is left: of the machine, and of the groups in which Linux holds containers and jobs."""

from pathlib import Path

import psutil
import pytest
import torch

from models import memory
from programs import missing

CPU = torch.device("cpu")


@pytest.fixture
def group(tmp_path, monkeypatch):
    """Give the outermost group of this process a limit, and say what it takes of that."""
    if "0::/" not in Path("/proc/self/cgroup").read_text():
        missing("this machine has no groups of version 2")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)

    def write(limit, current=None, inactive_file=0):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        if current is not None:
            (tmp_path / "memory.current").write_text(f"{current}\n")
            (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {inactive_file}\nactive_file 3\n")

    return write


@pytest.mark.parametrize(
    ("current", "inactive_file", "free"),
    [(None, 0, 2**20), (0, 0, 2**20), (2**19, 0, 2**19), (2**19, 2**18, 2**19 + 2**18), (2**21, 0, 0)],
)
def test_what_a_group_takes_is_not_free(group, current, inactive_file, free):
    group(2**20, current, inactive_file)
    assert memory.total_memory() == 2**20
    assert memory.free_memory(CPU) == free


def test_what_pytorch_keeps_of_a_gpu_is_free(monkeypatch):
    """After a training it keeps what that took, and another training has it."""
    for name, value in {"mem_get_info": (2, 100), "memory_reserved": 90, "memory_allocated": 10}.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    assert memory.free_memory(torch.device("cuda:0")) == 82


@pytest.mark.parametrize("limit", ["max", 2**62])
def test_a_group_has_no_more_than_the_machine(group, limit):
    group(limit, 2**19)
    assert memory.total_memory() == psutil.virtual_memory().total
    assert 0 < memory.free_memory(CPU) < memory.total_memory()
