"""Backends in other languages: a command that a worker starts, and asks over its standard input and output.

docs/writing-a-backend-in-another-language.md is the protocol in full; this is the host's side of it.
"""
