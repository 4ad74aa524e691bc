"""Packages for plugin authors: jinja2 templates, and what writes them out."""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from jinja2 import Environment, StrictUndefined

from gradsuite import __version__
from gradsuite.errors import UserError, quoted
from gradsuite.plugins import Plugins

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 80  # characters of a name, of which those of files are made
ENDING = ".jinja"
PLACEHOLDER = "package"  # the name of the module in the templates' own paths


def write_package(kind: str, name: str, into: Path, plugins: Plugins, *, autodiff: bool = False) -> Path:
    """Write the package of a new backend, cell or experiment, which works at once; return its folder, `into`/`name`.

    A backend is written by hand, forward and backward, or, if `autodiff`, forward for a framework that differentiates.
    Raises UserError for a name that is not lower-case words joined by dashes or is taken by one of the plugins, and
    for a folder that exists or cannot be written.
    """
    check_name(kind, name, plugins)
    folder = into / name
    if folder.exists():
        raise UserError(f"{str(folder)!r} exists already: choose another name, or another folder with --out")
    try:
        for path, text in render(kind, name, autodiff=autodiff):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {str(folder)!r}: {error.strerror}") from error
    return folder


def check_name(kind: str, name: str, plugins: Plugins) -> None:
    """Raise UserError unless a new backend, cell or experiment, and its plugin, can have this name."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")
        hint = f"; did you mean {words!r}?" if NAME.fullmatch(words) and len(words) <= LONGEST else ""
        raise UserError(
            f"the name must be lower-case words joined by dashes, such as 'my-{kind}', at most {LONGEST} characters, "
            f"not {quoted(name)}{hint}"
        )
    if name in plugins.registrations[kind]:
        raise UserError(f"{kind} {name!r} is registered already: choose another name")
    if plugins.manager.has_plugin(name) or name in {lost.name for lost in plugins.broken}:
        raise UserError(f"plugin {name!r} is installed already: choose another name")


def render(kind: str, name: str, *, autodiff: bool = False) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the path and the text of every file of the package."""
    module = f"gradsuite_{name.replace('-', '_')}"
    values = {
        "autodiff": autodiff,
        "name": name,
        "title": "".join(word.capitalize() for word in name.split("-")),
        "module": module,
        "distribution": f"gradsuite-{name}",
        "version": __version__,
    }
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    for folder in (kind, "backend_autodiff" if autodiff else "backend_by_hand") if kind == "backend" else (kind,):
        for path, template in _templates(files(__name__) / folder, PurePosixPath()):
            final = path.as_posix().removesuffix(ENDING).replace(PLACEHOLDER, module)
            yield PurePosixPath(final), environment.from_string(template.read_text("utf-8")).render(values)


def _templates(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, path / entry.name)
        elif entry.name.endswith(ENDING):
            yield path / entry.name, entry
