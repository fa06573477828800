"""The version of netdiffus."""

__version__ = "0.1.0"
