"""Flows, traces, labels and splits: packets as the things that a user talks about."""
