"""How to have a run again: the command, the versions to install, and the study as a file."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STUDY, CONSTRAINTS = "study.toml", "constraints.txt"
Asked = Mapping[str, Any]  # of a run: its flags by name, without those that have their default and none


@dataclass(frozen=True, slots=True)
class Recipe:
    """A command that measures the same again, and the two files that say the same, as texts."""

    command: str
    study: str
    constraints: str


def recipe(meta: Mapping[str, Any]) -> Recipe | None:
    """Return the recipe of a run with this meta data; none for one that was not asked for as a whole."""
    asked = meta.get("configuration", {})
    if "experiment" not in asked:
        return None
    return Recipe(command(asked), study(asked), constraints(meta))


def commands(meta: Mapping[str, Any]) -> dict[str, str]:
    """Return what to type for each of the runs that this one was merged of, by name; none for those that do not say."""
    asked = {name: one.get("configuration", {}) for name, one in meta.get("runs", {}).items()}
    return {name: command(one) for name, one in asked.items() if "experiment" in one}


def command(asked: Asked) -> str:
    """Return what to type for this configuration, quoted for a shell."""
    words = ["gradsuite", "run", *asked["experiment"]]
    for name, value in flags(asked):
        if isinstance(value, bool):
            words.append(f"--{name}")
        else:
            words += [word for one in listed(value) for word in (f"--{name}", str(one))]
    for name, values in asked.get("set", {}).items():
        words += ["--set", f"{name}={','.join(map(str, listed(values)))}"]
    return shlex.join(words)


def study(asked: Asked) -> str:
    """Return the configuration as a file for `gradsuite run study.toml`."""
    lines = [f"{name} = {toml(value)}" for name, value in (("experiment", asked["experiment"]), *flags(asked))]
    settings = [f"{toml(name)} = {toml(values)}" for name, values in asked.get("set", {}).items()]
    return "\n".join([*lines, *(["", "[set]", *settings] if settings else []), ""])


def flags(asked: Asked) -> Iterator[tuple[str, Any]]:
    """Yield the flags that were given, but for experiments and settings."""
    for name, value in asked.items():
        if name not in ("experiment", "set") and value not in (None, False, "", [], ()):
            yield name, value


def listed(value: Any) -> list[Any]:
    """Return one value or several as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def toml(value: str | float | Sequence[str | float]) -> str:
    """Return a text, a number or a list of them as TOML has it: as JSON does, which escapes all but DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def constraints(meta: Mapping[str, Any]) -> str:
    """Return the versions of all that was measured, as `pip install -c constraints.txt` reads them."""
    return "".join(f"{package}=={version}\n" for package, version in sorted(dict(versions(meta)).items()))


def versions(meta: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield gradsuite and the packages of each backend with their versions."""
    if "gradsuite" in meta:
        yield "gradsuite", str(meta["gradsuite"])
    for backend in meta.get("backends", {}).values():
        yield from backend["versions"].items()
