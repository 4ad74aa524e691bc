"""The oracle: the value of every gradient, by the complex step through a forward pass of its own."""

from gradsuite.oracle.differentiate import Answer, differentiate, evaluate, slopes, slopes_by_example

__all__ = ["Answer", "differentiate", "evaluate", "slopes", "slopes_by_example"]
