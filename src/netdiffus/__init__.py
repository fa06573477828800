"""netdiffus learns from labelled network traffic and makes more of it."""

__version__ = "0.1.0"
