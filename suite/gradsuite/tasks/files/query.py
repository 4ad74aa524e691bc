"""What a task's name says after its colon: a file, and options as the query of a URL has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gradsuite.errors import UserError, unknown

PLAIN = " ./:_-()[]"  # what stands for itself in an option; `&`, `;`, `?`, `%` and commas are written as %XX
YES, NO = ("", "yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True, slots=True)
class Query:
    """`FILE?name=value&name=value`; a list has `;` between its values, a flag needs none."""

    scheme: str
    file: str
    options: Mapping[str, str]

    @classmethod
    def of(cls, scheme: str, argument: str, allowed: Sequence[str]) -> "Query":
        """Return the query of an argument. Raises UserError for no file, or an option that is unknown or given twice.

        The last question mark is where the file ends.
        """
        file, mark, text = argument.rpartition("?")
        file, text = (file, text) if mark else (argument, "")
        if not file:
            raise UserError(f"{scheme} needs a file: {scheme}:FILE")
        options: dict[str, str] = {}
        for option in filter(None, text.split("&")):
            name, _, value = option.partition("=")
            if name not in allowed:
                raise unknown(f"option of {scheme}:", name, allowed)
            if name in options:
                raise UserError(f"option {name!r} of {scheme}: is given twice")
            options[name] = value
        return cls(scheme, file, options)

    def text(self, name: str, default: str = "") -> str:
        """Return the value of an option."""
        return unquote(self.options[name]) if name in self.options else default

    def texts(self, name: str) -> list[str]:
        """Return the values of an option that is a list; none if it was not given."""
        return [unquote(one).strip() for one in self.options.get(name, "").split(";") if one.strip()]

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """Return the value of an option that has few, the default if it was not given. Raises UserError for another."""
        value = self.text(name)
        if name in self.options and value not in allowed:
            raise unknown(f"value of {name}", value, allowed)
        return value or default

    def flag(self, name: str) -> bool:
        """Return whether a flag is set. Raises UserError for a value that is neither yes nor no."""
        value = self.text(name, "no").lower()
        if value not in (*YES, *NO):
            raise UserError(f"{name} must be yes or no, not {value!r}")
        return value in YES

    def whole(self, name: str, default: int, *, minimum: int) -> int:
        """Return a whole number. Raises UserError for anything else, or less than the minimum."""
        text = self.text(name, str(default))
        try:
            value = int(text)
        except ValueError as error:
            raise UserError(f"{name} must be a whole number, not {text!r}") from error
        if value < minimum:
            raise UserError(f"{name} must be at least {minimum}, not {value}")
        return value

    def pinned(self, path: str, sha256: str) -> str:
        """Return the name that means the same data in every folder, and is refused once the file has changed."""
        return _name(self.scheme, path, {**self.options, "sha256": sha256})


def named(task: str, options: Mapping[str, str | int | float | bool | Sequence[str | float]]) -> str:
    """Return a task's name with these options added, in place of those of the same name: what a command line gives."""
    scheme, _, argument = task.partition(":")
    file, mark, text = argument.rpartition("?")
    given = dict(option.partition("=")[::2] for option in text.split("&") if option) if mark else {}
    return _name(scheme, file if mark else argument, {**given, **{name: _value(one) for name, one in options.items()}})


def _name(scheme: str, file: str, options: Mapping[str, str]) -> str:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return f"{scheme}:{file}" + (f"?{query}" if query else "")


def _value(value: str | int | float | bool | Sequence[str | float]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return quote(str(value), safe=PLAIN)
    return ";".join(quote(str(one), safe=PLAIN) for one in value)
