"""A Python file in which somebody's network stands, executed as its owner would."""

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradsuite.diagnosis.patient import Question
from gradsuite.errors import UserError, one_line
from gradsuite.tasks.files.location import locate

FUNCTION = "diagnose_me"
NEEDED = ("module", "batch", "loss")
MORE = ("call", "params", "carry")


def asked(file: str, *, most: int) -> Question:
    """Execute a file, and return what it asks: `module`, `batch` and `loss`, or what `diagnose_me()` returns of them.

    Raises UserError, with the line, for whatever it raises, and where one of the three is missing.
    """
    path = locate(file)
    before = list(sys.path)
    sys.path.insert(0, str(path.parent))  # as if it were run
    try:
        found: Mapping[str, Any] = runpy.run_path(str(path), run_name=path.stem)
        if FUNCTION in found:
            found = _returned(found[FUNCTION](), path)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"{path.name}{_line(error, path)} raised {one_line(error)[:200]}") from error
    finally:
        sys.path[:] = before
    if missing := [name for name in NEEDED if name not in found]:
        raise UserError(
            f"{path.name} has no {' and no '.join(missing)}: it needs module, batch and loss, or {FUNCTION}()"
        )
    return Question(
        found["module"],
        found["batch"],
        found["loss"],
        most=most,
        title=path.name,
        **{name: found.get(name) for name in MORE},
    )


def _returned(value: Any, path: Path) -> Mapping[str, Any]:
    """Return what the function returned, by name."""
    if isinstance(value, tuple) and len(value) == len(NEEDED):
        return dict(zip(NEEDED, value, strict=True))
    if isinstance(value, Mapping):
        return value
    raise UserError(f"{FUNCTION} of {path.name} must return module, batch and loss, not {type(value).__name__}")


def _line(error: BaseException, path: Path) -> str:
    """Return the last line of the file that an error came through, in words."""
    found, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = f", line {trace.tb_lineno},"
        trace = trace.tb_next
    return found
