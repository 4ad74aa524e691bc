"""A scalar latch: one unit that stores a bit."""
