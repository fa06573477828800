"""Conformance: whether packets are what real stacks send, and what would make them so.

Each file judges one layer: its table RULES beside the code that finds what breaks them. `rules_engine.py` runs them
over a block, `check.py` over a capture; `repair.py` fixes what `fixes.py` can fix.
"""

from __future__ import annotations
