"""The oracle: what every gradient should be, by the complex step through a forward pass that no backend shares."""

from gradsuite.oracle.differentiate import Answer, differentiate, slopes

__all__ = ["Answer", "differentiate", "slopes"]
