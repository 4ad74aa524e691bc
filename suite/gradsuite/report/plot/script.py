"""A plot's script: it is written, and run as it is printed, so that no picture is drawn from anything else."""

from pathlib import Path
from typing import Any

from gradsuite.errors import UserError, cause
from gradsuite.report.plot.asked import Asked, Names
from gradsuite.report.plot.drawing import Drawing, drawing
from gradsuite.report.plot.selection import selection
from gradsuite.runs.load import load


def plot(path: str, asked: Asked, out: Path) -> Drawing:
    """Draw what is asked for of the run in `path` into a file; return the whole script, which draws it anew.

    Raises UserError, with the nearest name, for what the run does not have, and if the file cannot be written.
    """
    names = Names(asked.experiment, load(path).frame(asked.experiment))
    names.check(asked)
    begin = selection(path, asked, names)
    namespace: dict[str, Any] = {}
    _run(begin, namespace)
    rest = drawing(namespace["rows"], asked, names, out)
    try:
        _run(rest.lines, namespace)
    except OSError as error:
        raise UserError(f"cannot write {str(out)!r}: {cause(error)}") from error
    _close(namespace["grid"].figure)
    return Drawing([*begin, *rest.lines], rest.notes)


def _run(lines: list[str], namespace: dict[str, Any]) -> None:
    exec(compile("\n".join(lines), "<plot>", "exec"), namespace)


def _close(figure: Any) -> None:
    import matplotlib.pyplot as plt

    plt.close(figure)
