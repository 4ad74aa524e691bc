"""A share on the command line: `5%`, or `0.05`."""

import math

from gradsuite.errors import UserError, quoted


def percent(text: str, option: str) -> float:
    """Return a share, at least 0. Raises UserError for what is none."""
    number, sign, _ = text.strip().partition("%")
    try:
        value = float(number) / (100 if sign else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf or text.strip() not in (number, f"{number}%"):
        raise UserError(f"{option} takes a share such as 5% or 0.05, not {quoted(text)}")
    return value
