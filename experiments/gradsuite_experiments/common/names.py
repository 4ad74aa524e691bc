"""Parts of a claim's name."""


def number(value: float) -> str:
    """Return a number as a part of a claim's name, which has neither a leading '-' nor a '+': `minus-1`, `1e06`."""
    digits = f"{abs(value):g}".replace("+", "")
    return f"minus-{digits}" if value < 0 else digits
