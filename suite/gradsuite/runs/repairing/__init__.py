"""Repair of a damaged run: rows that can be read of its file, what they are rows of, and a new run of these."""
