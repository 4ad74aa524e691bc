"""Which format a file has: the one asked for, or the one that its name ends with."""

from collections.abc import Mapping
from pathlib import Path

from gradsuite.errors import UserError, unknown


def format_of(asked: str | None, out: Path | None, endings: Mapping[str, str]) -> str:
    """Return the format asked for, or else that of the file's ending; `endings` are formats by their ending.

    Raises UserError, with the formats that there are, if neither says which it is.
    """
    if asked is not None:
        if asked not in endings.values():
            raise unknown("format", asked, endings.values())
        return asked
    named = ", ".join(f"*.{ending}" for ending in endings)
    if out is None:
        raise UserError(f"which format? type --out FILE ({named}) or --format NAME ({', '.join(endings.values())})")
    ending = out.suffix.removeprefix(".").lower()
    if ending not in endings:
        raise UserError(f"{str(out)!r} does not end like a format: name it {named.replace(', ', ' or ')}")
    return endings[ending]
