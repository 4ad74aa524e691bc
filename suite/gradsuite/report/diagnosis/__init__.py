"""A diagnosis as a page and as text."""
