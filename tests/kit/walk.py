"""Type a guide: run its commands, write its files and run its Python, in order."""

import re
from pathlib import Path

from tests.docs.blocks import ROOT, blocks
from tests.kit.environment import Environment


def walk(page: str, folder: Path, environment: Environment) -> Path:
    """Follow a page of the documentation from a folder on; return the folder that its last `cd` led to."""
    python: list[str] = []
    for block in blocks(ROOT / "docs" / page):
        if block.language == "console":
            for command in re.findall(r"^\$ (.+)$", block.text, re.MULTILINE):
                if command.startswith("cd "):
                    folder /= command.removeprefix("cd ")
                else:
                    environment.run(command, folder)
        elif block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        else:
            # What a page's blocks define stays defined; the files that they import may have changed since.
            python.append(block.text)
            (folder / "page.py").write_text("\n".join(python), encoding="utf-8")
            environment.run("python -W error page.py", folder)
    return folder
