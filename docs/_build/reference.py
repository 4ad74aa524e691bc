"""The API reference: a page for each public module there is, and one for what `gradsuite` itself exports.

A module that a release adds gets its page by its line in MODULES; what a page says comes from docstrings alone.
"""

import inspect
import pkgutil
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from mkdocs.structure.files import File, Files

MODULES = {
    "Computing": ("backend", "model", "parameters", "optimizers", "clipping", "schedule", "precision", "cells"),
    "Experiments": ("experiment", "settings", "rows", "claims", "compared", "tasks.task", "comparator", "state_dict"),
    "Plugins": ("hookspecs", "plugins", "errors", "testing"),
    "Truth": ("theory", "oracle", "conformance"),
}
PACKAGES = ("theory",)  # whose modules stand on one page
FRONT = "reference/index.md"


def there(group: str) -> list[str]:
    """Return the modules of a group that this version has."""
    return [name for name in MODULES[group] if find_spec(f"gradsuite.{name}")]


def on_config(config: Any) -> Any:
    """Put the pages of the reference into the navigation, after those that are named in it."""
    (section,) = (item for item in config.nav if "API reference" in item)
    section["API reference"] += [
        {group: [{f"gradsuite.{name}": f"reference/{name}.md"} for name in there(group)]} for group in MODULES
    ]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Write the pages."""
    known = [name for group in MODULES for name in there(group)]
    for name in known:
        files.append(File.generated(config, f"reference/{name}.md", content=module_page(name)))
    files.append(File.generated(config, FRONT, content=front_page([f"gradsuite.{name}" for name in known])))
    return files


def module_page(name: str) -> str:
    """Return the page of one module, or of a package and its modules."""
    dotted = f"gradsuite.{name}"
    text = f"# {dotted}\n\n::: {dotted}\n"
    if name in PACKAGES:
        for inner in submodules(import_module(dotted)):
            text += f"\n## {inner}\n\n::: {inner}\n    options:\n      heading_level: 3\n"
    return text


def submodules(package: ModuleType) -> list[str]:
    """Return the full names of a package's modules."""
    return [f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__)]


def front_page(pages: list[str]) -> str:
    """Return the page of what `gradsuite.__all__` names: each name with its sentence, linked to where it is told."""
    gradsuite = import_module("gradsuite")
    lines = [f"# gradsuite\n\n{inspect.getdoc(gradsuite)}\n\nWhat may change, and when: [what is stable](../api.md).\n"]
    lines.append("| name | what it is |\n|---|---|")
    below = []
    for name in gradsuite.__all__:
        thing = getattr(gradsuite, name)
        if name.startswith("__"):
            lines.append(f"| `gradsuite.{name}` | `{thing!r}` |")
            continue
        dotted = thing.__name__ if isinstance(thing, ModuleType) else origin(thing)
        sentence = (inspect.getdoc(thing) or "").partition("\n")[0].replace("|", "\\|")
        if dotted is None:
            lines.append(f"| `gradsuite.{name}` | {sentence} |")
            continue
        if dotted not in pages and dotted.rpartition(".")[0] not in pages:
            below.append(f"::: {dotted}\n    options:\n      show_root_heading: true\n      heading_level: 2\n")
        lines.append(f"| [`gradsuite.{name}`][{dotted}] | {sentence} |")
    return "\n".join([*lines, "", *below])


def origin(thing: Any) -> str | None:
    """Return where a class or function is defined; None for any other object."""
    known = inspect.isclass(thing) or inspect.isroutine(thing)
    return f"{thing.__module__}.{thing.__qualname__}" if known else None
