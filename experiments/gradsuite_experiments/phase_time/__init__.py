"""The phase diagram in time."""
