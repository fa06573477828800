"""Compiled loops that all of wire shares: where they are kept, and numbers in packets."""
