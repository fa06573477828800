"""The command line: reads options, shows progress, prints results and errors.

Its processes collect garbage rarely: a verb imports libraries of some 100,000 objects, none of which is garbage, and
Python's usual collections, one after each 700 new objects, took a quarter of the time to the first packet.
"""

import gc

COLLECT_AFTER = 200_000
"""New objects that hold others, less freed ones, after which the youngest are searched for garbage."""

gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
