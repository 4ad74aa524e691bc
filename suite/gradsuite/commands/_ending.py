"""Which format a file has: the one asked for, or the one that its name ends with."""

from collections.abc import Mapping
from pathlib import Path

from gradsuite.errors import UserError, quoted, unknown


def format_of(asked: str | None, out: Path | None, endings: Mapping[str, str], default: str | None = None) -> str:
    """Return the format asked for, or that of the file's ending, or the default where there is no file.

    `endings` are formats by their ending. Raises UserError, with the formats that there are, if nothing says which.
    """
    if asked is not None:
        if asked not in endings.values():
            raise unknown("format", asked, endings.values())
        return asked
    named = ", ".join(f"*.{ending}" for ending in endings)
    if out is None and default is not None:
        return default
    if out is None:
        raise UserError(f"which format? type --out FILE ({named}) or --format NAME ({', '.join(endings.values())})")
    ending = out.suffix.removeprefix(".").lower()
    if ending not in endings:
        raise UserError(f"{quoted(str(out))} does not end like a format: name it {named.replace(', ', ' or ')}")
    return endings[ending]
