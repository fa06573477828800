"""Folders and files: the only place that knows the names inside datasets, models and reports."""
