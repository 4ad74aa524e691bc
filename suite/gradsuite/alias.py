"""Names: `NAME@2` is the backend NAME in another worker, `NAME@tuned` in a tuned one; a SLUG names files, too."""

import re

from gradsuite.errors import quoted, unknown

SIGN = "@"
SLUG = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")  # names of experiments and figures: of files, and of parts of a page
TUNED = "tuned"
NUMBER = re.compile(r"[1-9][0-9]{0,3}")  # of one worker among several


def original(name: str) -> str:
    """Return the name that is registered."""
    return name.partition(SIGN)[0]


def require_second(name: str) -> None:
    """Raise UserError for a second name that stands for nothing: it is `tuned`, a number, or one of each."""
    first, sign, second = name.partition(SIGN)
    kinds = [TUNED if part == TUNED else "number" if NUMBER.fullmatch(part) else "" for part in second.split(SIGN)]
    if sign and (not all(kinds) or len(set(kinds)) < len(kinds)):
        raise unknown(f"second name of {quoted(first)}", second, (TUNED, "2"))


def twin(name: str) -> str:
    """Return a second name, for another worker that is started in the same way."""
    return f"{name}{SIGN}2"


def tuned(name: str) -> str:
    """Return the name of the tuned worker."""
    return name if is_tuned(name) else f"{name}{SIGN}{TUNED}"


def is_tuned(name: str) -> bool:
    """Whether this names a tuned worker."""
    return TUNED in name.split(SIGN)[1:]
