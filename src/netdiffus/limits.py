"""Bounds on what a file or an option may ask for, each named once; what is beyond them is refused before any work.

They lie far above what traffic needs and below what would exhaust a machine or overflow a 64-bit number.
"""

MANIFEST_BYTES = 1 << 27
"""Of a JSON file that a command reads whole."""
MANIFEST_VALUES = 1 << 23
"""In such a file: numbers, texts, lists and objects together."""
TEXT = 4096
"""Characters of a label or another name."""
LABELS = 1 << 16
SOURCES = 1 << 20
"""Files that a dataset is made from."""
CHANNELS = 16
LENGTH = 1024
"""Positions of a trace that a model learns, that are compared, and that an image shows: the one cap on length."""
DRAWN_LENGTH = 65_536
"""Positions of a trace that `generate --length` draws, by a window that slides."""
DRAWN_ROWS = 100_000_000
"""Rows of all traces that go on from beginnings, or beyond the model's length, at once."""
VALUES = 4096
"""Distinct values of a channel that a scale or an alphabet knows, and classes of an alphabet."""
WORDS = 1 << 16
"""Distinct combinations in a vocabulary of packets or hosts."""
INTEGER = 1 << 63
"""Counts, times and values are below: they must fit a signed 64-bit number."""

SEED = (1 << 32) - 1
"""The largest seed that every library takes."""
TRACES = 10_000_000
"""Traces drawn at once."""
MINUTES = 0.01, 43_200.0
"""Shortest and longest training: 0.6 seconds, 30 days."""
STEPS = 100_000_000
"""Training steps."""
TIMESTEPS = 10_000
"""T of the discrete formulation."""
PATIENCE = 1_000_000
"""Checks without better weights."""
COARSE_ROWS = 64
"""Rows of the small image that a model of long traces draws first."""
CONTEXT_CODES = 8
"""Codes in a counted context."""
SHIFTS = 100
"""Shifted copies of each training trace."""
CONTEXTS = 1 << 22
"""Counted contexts of one order of a channel, and pairs of a context and a code."""
GUIDANCE = 100.0
EPSILON = 0.01, 100.0
"""Of a guarantee: a smaller one leaves nothing to learn, a larger one promises nothing."""
DELTA = 1e-15, 0.1
MOST_PER_GROUP = 1000
"""Rows of one group that count: noise grows with them."""
TABLE_VALUES = 1 << 40
"""Values of a table that `prepare --max-values` may allow."""
POSITIONS = 1_000_000
"""Packets of a flow, bins or rows that `prepare` takes together or leaves out."""
BINS = 1 << 16
"""Bins of a flow that `prepare --bins` keeps: every one is there, also those in which nothing was sent."""
SECONDS = 1e-6, 1e8
"""Time-outs and durations: a microsecond to three years."""
BIN_MS = 1e-6, 86_400_000.0
"""Width of a time bin in milliseconds: 1 ns to a day."""
RATE = 1e-3, 1e6
"""Flows a second."""
RANGE = float(1 << 31)
"""Magnitude of LOW and HIGH of a scale."""

WIDTH, DEPTH, HEADS = 4096, 64, 64
"""Sizes of a network."""
BATCH = 1 << 16
"""Traces of a training step."""
UNET_WIDTH, UNET_LEVELS, UNET_MULTIPLIER, UNET_BLOCKS = 1024, 8, 16, 16
ATTENTION_PIXELS = 128
"""Side of an image on which a U-Net attends: the work grows with the fourth power."""
WEIGHTS_BYTES = 1 << 33
"""Of a file of weights."""

ARRAY_BYTES, ARRAY_RATIO = 1 << 26, 64
"""An array in an .npz file takes at most so many bytes, or so many times those that it is stored in."""
PIXELS = 1 << 24
"""Of a picture."""
