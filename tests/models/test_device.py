"""The device: freed memory stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from netdiffus.models.device import choose_device
if sys.argv[1] == "chosen":
    choose_device()
def rounds(number):
    for _ in range(number):
        for millions in range(1, 8):
            blocks = [torch.ones(millions * 1_000_000) for _ in range(4)]
            del blocks
rounds(3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
rounds(5)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told so")
def test_pages_of_freed_tensors_are_not_mapped_anew() -> None:
    assert faults("chosen") < faults("not") / 10
