"""Errors a user can cause: one line that says what was wrong and what to type instead."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import accumulate

from gradsuite.plain import plain

LINE = 300  # characters of a complaint
VALUE = 80  # of what was typed, said again
NAMES = 160  # of the names that are allowed


class UserError(ValueError):
    """A request that cannot be met; the message is the one line that the user reads."""


class NotAvailable(UserError):
    """What is registered cannot be loaded, here and now: another time, or on another machine, it may be."""


class Unsupported(UserError):
    """A backend was asked for what it does not claim in `describe`."""


def unknown(kind: str, name: object, allowed: Iterable[str]) -> UserError:
    """Return the error for a misspelled name: what was wrong, the nearest name, all allowed ones."""
    names = sorted(allowed)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {quoted(str(name))}{hint} (allowed: {listed(names) or 'none'})")


def shortened(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters: an ellipsis stands for the middle of a longer one."""
    tail = (limit - 1) // 2
    return text if len(text) <= limit else f"{text[: limit - 1 - tail]}…{text[-tail:]}"


def quoted(value: object) -> str:
    """Return what was typed as a complaint repeats it: in quotation marks, nothing in it obeyed, and not too long."""
    return shortened(repr(value), VALUE)


def listed(names: Iterable[str]) -> str:
    """Return names with commas between them, as many as a line has room for, and the number of the others."""
    every = list(names)
    count = sum(end <= NAMES for end in accumulate(len(name) + len(", ") for name in every))
    more = f" and {len(every) - count} more" if count < len(every) else ""
    return ", ".join(every[:count]) + more


def one_line(error: BaseException) -> str:
    """Return an exception's type and message in one line, whatever is in the message."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001  an exception is anyone's class
        message = "(a message that cannot be read)"
    return " ".join(plain(f"{type(error).__name__}: {message}").split()).removesuffix(":")


def cause(error: Exception) -> str:
    """Return what went wrong without Python's numbers and paths."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
