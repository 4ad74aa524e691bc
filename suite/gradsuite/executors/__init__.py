"""Executors: where cells are run."""
