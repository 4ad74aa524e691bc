"""gradsuite: a plugin-based experiment suite for backpropagation and backpropagation through time."""

from gradsuite.hookspecs import hookimpl

__version__ = "0.1.0"
__all__ = ["__version__", "hookimpl"]
