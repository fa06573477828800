"""Where torch computes: CUDA when it is there, else the CPU with a number of threads that nothing else may change."""

from __future__ import annotations

import os

import torch


def choose_device() -> torch.device:
    """The device to compute on.

    On the CPU the number of threads decides in which order sums are taken, so the last bits depend on it; other
    libraries in the same process change it behind torch's back. It is set to OMP_NUM_THREADS or else to the number of
    CPUs that the process may use.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(int(asked) if asked.isdigit() and int(asked) > 0 else available)
    return torch.device("cpu")


def prefers_half(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 on a device: on GPUs, and on CPUs with matrix units for it (AMX)."""
    if device.type == "cpu":
        return bool(torch.cpu.get_capabilities().get("amx_bf16", False))
    return bool(torch.cuda.is_bf16_supported())
