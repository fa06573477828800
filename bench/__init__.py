"""Scripts that measure the figures of docs/results.md; each can be run again by anyone: python -m bench NAME."""
