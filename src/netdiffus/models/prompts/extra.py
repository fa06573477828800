"""The libraries of the extra [sd], which are loaded when a prompted model is trained or drawn from, and not before."""

from __future__ import annotations

from importlib.util import find_spec

from netdiffus.errors import InputError

LIBRARIES = ("diffusers", "transformers", "peft", "accelerate")


def check_extra() -> None:
    """Raise InputError unless the libraries are installed; quieten them, and keep them from looking anything up."""
    import os

    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the packages {', '.join(LIBRARIES)} for --image prompt", f"no {missing[0]}",
            "install them: pip install 'netdiffus[sd]'",
        )  # fmt: skip
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
