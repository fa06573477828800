"""Labelled sets of real traffic: how useful, new and faithful what netdiffus makes of each is.

python -m bench sets [--only mirage,fgnet] [--minutes-scale 0.1] [--seed 0] [--rows 500]
                     [--ablation] [--judge] [--write]
"""

from bench.sets.run import main

__all__ = ["main"]
