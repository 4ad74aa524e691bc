"""The six answers, one a module: gradient, causes, truncation, clipping, precision and remedies.

Beside them what they are made of: `answer` and `words`, `reference` (theory's lines for the first) and `savings` (for
the third).
"""

from gradsuite.diagnosis.answers.answer import Answer, Cause

__all__ = ["Answer", "Cause"]
