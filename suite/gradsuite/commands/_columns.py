"""Rows of text in aligned columns, for a terminal or a pipe."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradsuite.experiment import Table


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows, one per line, each column as wide as its widest entry."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def table_text(table: "Table") -> str:
    """Return an experiment's table for a terminal."""
    return columns([[str(name) for name in table.rows.columns], *table.rows.astype(str).to_numpy().tolist()])
