"""Hooks on a torch module while it is trained, for `gradsuite.watch`."""
