"""What a run is called, and the folder that a name stands for."""

import os
import re
from pathlib import Path

from gradsuite.errors import UserError, quoted
from gradsuite.paths import require_path

RESULTS = "results"  # where runs are made unless another folder is asked for
LATEST = "latest"  # beside the runs: the one that was begun or finished last
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> None:
    """Raise UserError unless a run may be called so: its name is a folder, and a part of addresses."""
    if not NAME.fullmatch(name):
        raise UserError(f"a run's name is up to 100 letters, digits, '.', '_' and '-', not {quoted(name)}")
    if name == LATEST:
        raise UserError(f"a run cannot be called {LATEST!r}: that is the one begun or finished last; choose another")


def located(run: str | Path) -> Path:
    """Return the folder that a user means: this one, or if there is none, the run of this name in `results`.

    `latest` is a name like any other. Raises UserError if the run that it stood for is gone, or for what is no path.
    """
    require_path(run)
    path = Path(run)
    if not path.exists() and len(path.parts) == 1 and not path.is_symlink():
        inside = Path(RESULTS) / path
        path = inside if inside.exists() or inside.is_symlink() else path
    if path.name != LATEST or not path.is_symlink():
        return path
    target = path.parent / path.readlink()
    if not target.exists():
        raise UserError(f"the run that {str(path)!r} stands for is gone: {str(target)!r}; type another")
    return target


def make_latest(run: Path) -> None:
    """Let `latest` beside this run stand for it, at once for whoever reads it. Raises UserError if it cannot."""
    link = run.parent / LATEST
    if link.exists() and not link.is_symlink():
        raise UserError(f"{str(link)!r} is no link: give it another name")
    fresh = run.parent / f".{LATEST}-{os.getpid()}"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(run.name)
        fresh.replace(link)
    except OSError as error:
        raise UserError(f"cannot write {str(link)!r}: {error.strerror}") from error
