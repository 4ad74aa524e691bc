"""How numbers are written in a file: decimal points or commas, thousands in groups."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gradsuite.errors import UserError

# What stands where a number is missing: what pandas takes for it, and what statistical offices write.
MISSING = (
    *("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None"),
    *("?", ".", "-", "--", "..", "#N/A N/A", "#NA", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)
EXPONENT = r"(?:[eE][+-]?\d+)?"
INFINITE = r"[+-]?(?:inf|infinity)"
DECIMAL_COMMA = re.compile(rf"[+-]?\d*,\d+{EXPONENT}")
THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
THOUSANDS_POINT = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?")
SURE_POINTS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+|[+-]?\d{1,3}(?:\.\d{3}){2,}")


@dataclass(frozen=True, slots=True)
class Style:
    """The sign before a number's fraction, and the one between its thousands, if there is one."""

    decimal: str = "."
    thousands: str = ""

    @classmethod
    def of(cls, file: str, records: Sequence[Sequence[str]], decimal: str) -> "Style":
        """Return the style of these cells. Raises UserError where it could be either, or is both."""
        cells = [cell for record in records for cell in record if "," in cell or cell.count(".") > 1]
        commas = [cell for cell in cells if DECIMAL_COMMA.fullmatch(cell) and not THOUSANDS_COMMA.fullmatch(cell)]
        commas += [cell for cell in cells if SURE_POINTS.fullmatch(cell)]
        groups = [cell for cell in cells if THOUSANDS_COMMA.fullmatch(cell)]
        points = [cell for cell in groups if "." in cell or cell.count(",") > 1]
        if not decimal and commas and points:
            raise UserError(f"{file} has decimal commas ({commas[0]!r}) and decimal points ({points[0]!r})")
        if not decimal and groups and not commas and not points:
            raise UserError(
                f"{file} has {groups[0]!r}: type decimal=comma if that is less than a thousand, decimal=point if more"
            )
        if decimal == "comma" or (not decimal and commas):
            grouped = any(THOUSANDS_POINT.fullmatch(cell) for record in records for cell in record)
            return cls(",", "." if grouped else "")
        return cls(".", "," if groups else "")

    @property
    def said(self) -> str:
        """What is unusual about it, or nothing."""
        decimal = "decimal commas" if self.decimal == "," else ""
        grouped = f"thousands in groups ({'1.234' if self.thousands == '.' else '1,234'})" if self.thousands else ""
        return ", ".join(filter(None, [decimal, grouped]))

    @property
    def pattern(self) -> str:
        """The regular expression of a number that is written so, finite or not."""
        point, group = re.escape(self.decimal), re.escape(self.thousands)
        plain = rf"[+-]?(?:\d+{point}?\d*|{point}\d+){EXPONENT}"
        grouped = rf"|[+-]?\d{{1,3}}(?:{group}\d{{3}})+(?:{point}\d*)?" if self.thousands else ""
        return rf"(?:{plain}{grouped}|(?i:{INFINITE}))"

    def is_number(self, cell: str) -> bool:
        """Return whether a cell is a number, written so."""
        return re.fullmatch(self.pattern, cell) is not None

    def value(self, cell: object) -> float:
        """Return the number in a cell, NaN where there is none."""
        if not isinstance(cell, str) or not self.is_number(cell):
            return float("nan")
        return float(cell.replace(self.thousands, "").replace(self.decimal, "."))
