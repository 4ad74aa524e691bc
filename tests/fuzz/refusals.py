"""What anybody's input may lead to: a value, or a UserError whose complaint is one short line."""

from collections.abc import Callable
from typing import Any

from gradsuite.errors import LINE, UserError, shortened
from gradsuite.plain import printable

EXAMPLES = 150  # of each property: all of them together take some seconds
LONGEST_MESSAGE = (
    2000  # characters of a UserError, before it is cut to a line: it must not repeat all that it was given
)


def taken(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a call returns, None if it refuses. Whatever else it raises is a fault, and so is a long message."""
    try:
        return call(*arguments)
    except UserError as error:
        one_line(error)
    return None


def one_line(error: Exception) -> None:
    """Assert that an error's message is as short as it can be without knowing how long a line is, and can be shown."""
    message = str(error)
    assert len(message) <= LONGEST_MESSAGE
    assert shortened(printable(message), LINE).isprintable()
