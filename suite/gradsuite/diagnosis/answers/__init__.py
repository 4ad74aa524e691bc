"""The six answers, one a module: gradient, causes, truncation, clipping, precision and remedies."""

from gradsuite.diagnosis.answers.answer import Answer, Cause

__all__ = ["Answer", "Cause"]
