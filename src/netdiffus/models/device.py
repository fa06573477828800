"""Where torch computes: CUDA when it is there, else the CPU with a number of threads that nothing else may change."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

import torch

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
KEPT, LARGEST = 1 << 30, 32 << 20  # bytes: free ones that stay with the process, and a block's of them


def choose_device() -> torch.device:
    """The device to compute on.

    On the CPU the number of threads decides in which order sums are taken, so the last bits depend on it; other
    libraries in the same process change it behind torch's back. It is set to OMP_NUM_THREADS or else to the number of
    CPUs that the process may use. Freed memory is kept (`keep_freed_memory`).
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    hold_threads()
    keep_freed_memory()
    return torch.device("cpu")


def hold_threads() -> None:
    """Set the number of threads of the CPU again: parallel kernels of numba share torch's pool and set their own."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(int(asked) if asked.isdigit() and int(asked) > 0 else cores())


def cores() -> int:
    """CPUs that the process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def keep_freed_memory() -> None:
    """Let glibc keep what tensors free: it would give it back and have every page of the next ones mapped anew.

    Without this drawing takes a third longer. Elsewhere than with glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, KEPT)


def used_threads(device: torch.device) -> int | None:
    """How many threads compute, which decides the last bits of sums; None: it is no CPU."""
    return torch.get_num_threads() if device.type == "cpu" else None


def torch_version() -> str:
    """Of the library that is installed."""
    return str(torch.__version__)
