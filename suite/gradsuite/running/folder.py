"""The folder of a new run."""

from datetime import date
from itertools import count
from pathlib import Path

from gradsuite.errors import UserError
from gradsuite.runs.store import Run, cause


def new_run(folder: str, preset: str, name: str | None = None) -> Run:
    """Make a run with this name, or one of its own even when two start at once: date, preset, first free number."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        if name is not None:
            return Run.create(named(Path(folder) / name), {})
        for number in count(1):
            path = Path(folder) / f"{date.today().isoformat()}-{preset}-{number}"
            if not path.exists():
                try:
                    path.mkdir()
                    break
                except FileExistsError:
                    continue
    except OSError as error:
        raise UserError(f"cannot write into {folder!r}: {cause(error)}; choose another folder with --out") from error
    return Run.create(path, {})


def named(path: Path) -> Path:
    """Make the folder of a run whose name was chosen. Raises UserError if there is one."""
    try:
        path.mkdir()
    except FileExistsError as error:
        raise UserError(f"{str(path)!r} is there already: choose another --name, or type --resume {path}") from error
    return path
