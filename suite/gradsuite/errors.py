"""Errors a user can cause: one line that says what was wrong and what to type instead."""

from collections.abc import Iterable
from difflib import get_close_matches

from gradsuite.plain import plain


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
    return UserError(f"unknown {kind} {str(name)!r}{hint} (allowed: {', '.join(names) or 'none'})")


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
