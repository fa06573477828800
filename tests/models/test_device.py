"""The device: freed memory stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from netdiffus.models.device import choose_device
def rounds(number):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(number):
        for millions in range(1, 8):
            blocks = [torch.ones(millions * 1_000_000) for _ in range(4)]
            del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
rounds(1)
print(rounds(2))
choose_device()
rounds(1)
print(rounds(2))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told so")
def test_pages_of_freed_tensors_are_not_mapped_anew() -> None:
    run = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, chosen = map(int, run.stdout.split())
    assert chosen < before / 10
