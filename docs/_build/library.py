"""The committed reference runs as `gradsuite publish` shows them: part of the site, below `library/`."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from gradsuite.plugins import load
from gradsuite.report.site import publish
from gradsuite.runs.database import FILE
from gradsuite.runs.store import Run
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
PLACE = "library"
SHOWN = (".html", ".sqlite", ".csv")  # a report holds its figures itself

made: list[Path] = []  # until the site is built: its files are read from there


def on_files(files: Files, config: Any) -> Files:
    """Add the index of the reference runs and their reports."""
    made.append(Path(tempfile.mkdtemp()))
    root = publish([Run.open(file.parent) for file in sorted(REFERENCE.rglob(FILE))], made[-1], load()).parent
    for file in sorted(root.rglob("*")):
        if file.suffix in SHOWN:
            files.append(
                File.generated(config, f"{PLACE}/{file.relative_to(root).as_posix()}", abs_src_path=str(file))
            )
    return files


def on_post_build(config: Any) -> None:
    """Remove what the site was made of."""
    while made:
        shutil.rmtree(made.pop())
