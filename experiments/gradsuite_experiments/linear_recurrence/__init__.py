"""Cells that are linear in their state against the laws of linear recurrences."""
