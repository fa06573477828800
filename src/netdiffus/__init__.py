"""netdiffus trains a generative model on labelled network traffic and samples synthetic traffic from it.

The verbs `prepare`, `train`, `generate`, `evaluate`, `check`, `repair`, `describe` and the object `TrafficModel` are
loaded on first use, so that importing the package stays light.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netdiffus.version import __version__

if TYPE_CHECKING:
    from netdiffus.api.describe import describe
    from netdiffus.api.traffic_model import TrafficModel
    from netdiffus.api.verbs import check, evaluate, generate, prepare, repair, train

# Threads that wait for one another sleep instead of spinning: where other work holds a core, spinning made a training
# step ten times as slow. OpenMP reads this once, when torch is loaded; a setting of the user's stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["TrafficModel", "__version__", "check", "describe", "evaluate", "generate", "prepare", "repair", "train"]

_HOMES = dict.fromkeys(("check", "evaluate", "generate", "prepare", "repair", "train"), "netdiffus.api.verbs")
_HOMES["describe"] = "netdiffus.api.describe"
_HOMES["TrafficModel"] = "netdiffus.api.traffic_model"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'netdiffus' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
