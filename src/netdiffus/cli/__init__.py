"""The command line: reads options, shows progress, prints results and errors."""

import gc

# A command begins by making hundreds of thousands of objects that stay: looking for garbage among them every 700th time
# is a seventh of its start.
gc.set_threshold(50000, 20, 20)
