"""Plugins in the host: what they register, what that must be, and calls of their code that cannot do it harm."""
