"""Folders and files: the only layer that knows file names inside datasets, models and reports."""
