"""The options of a project: `[tool.gradsuite]` of its pyproject.toml, with the keys of a study file."""

from pathlib import Path
from typing import Any

from gradsuite.running.configuration import checked, parsed

FILE = "pyproject.toml"


def project_options(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the options of the nearest pyproject.toml, of this folder or one above it, and the file's path.

    Without one, or without such a table in it, there are none. Raises UserError as `read_toml` does.
    """
    for place in (folder, *folder.resolve().parents):
        path = place / FILE
        if path.is_file():
            tools = parsed(str(path)).get("tool", {})
            table = tools.get("gradsuite", {}) if isinstance(tools, dict) else {}
            return checked(f"[tool.gradsuite] of {str(path)!r}", table), str(path)
    return {}, ""
