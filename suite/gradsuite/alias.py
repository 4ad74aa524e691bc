"""Names: `NAME@2` is the backend NAME in another worker, `NAME@tuned` in a tuned one; a SLUG names files, too."""

import re

SIGN = "@"
SLUG = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")  # names of experiments and figures: of files, and of parts of a page
TUNED = "tuned"


def original(name: str) -> str:
    """Return the name that is registered."""
    return name.partition(SIGN)[0]


def twin(name: str) -> str:
    """Return a second name, for another worker that is started in the same way."""
    return f"{name}{SIGN}2"


def tuned(name: str) -> str:
    """Return the name of the tuned worker."""
    return name if is_tuned(name) else f"{name}{SIGN}{TUNED}"


def is_tuned(name: str) -> bool:
    """Whether this names a tuned worker."""
    return TUNED in name.split(SIGN)[1:]
