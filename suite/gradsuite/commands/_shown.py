"""What there is to say of a name: in one line for a list, or all of it."""

import inspect
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gradsuite.errors import UserError

if TYPE_CHECKING:
    from gradsuite.plugins import Plugins

Facts = dict[str, Any]


def summaries(plugins: "Plugins", kind: str) -> dict[str, str]:
    """Return a line about everything of this kind, by name; nothing is started for it."""
    registered = sorted(plugins.registrations[kind].items())
    if kind == "backend":
        return {name: "; ".join(backend_line(one)) for name, one in registered}
    listed = map(type, plugins.all_experiments()) if kind == "experiment" else plugins.get_all(kind)
    loaded: dict[str, Any] = {cls.name: cls for cls in listed}  # type: ignore[attr-defined]
    attribute = {"cell": "source", "experiment": "question", "task": "summary"}[kind]
    return {name: str(getattr(cls, attribute)) for name, cls in loaded.items()}


def backend_line(registration: Any) -> Iterator[str]:
    """Yield what is known of a backend that has not been started."""
    if registration.peer:
        yield "peer, for comparison: it runs only when it is named"
    if lost := registration.missing():
        yield f"not available: {lost}" + (f"; to install it: {registration.install}" if registration.install else "")


def full(plugins: "Plugins", kind: str, name: str) -> Facts:
    """Return all that there is to say of a backend, cell, experiment or task. Raises UserError if it cannot be had."""
    facts = {"backend": of_backend, "cell": of_cell, "experiment": of_experiment, "task": of_task}[kind]
    return {"plugin": plugins.find(kind, name.partition(":")[0]).plugin, **facts(plugins, name)}


def of_backend(plugins: "Plugins", name: str) -> Facts:
    """Return what a backend says of itself in a worker, and the cells that it runs by autodiff."""
    from gradsuite.machine.facts import machine
    from gradsuite.running.availability import survey
    from gradsuite.running.configuration import Configuration
    from gradsuite.running.executors import open_executor

    with open_executor(Configuration(), plugins, machine()) as executor:
        found = survey(plugins, executor, [name])
    if name not in found.available:
        found.require([name])
        raise UserError(f"{name} is not available")
    info = found.available[name]
    by_autodiff = [cell for cell in sorted(plugins.cells) if info.differentiates(cell)]
    return asdict(info) | {"peer": plugins.backends[name].peer, "cells_by_autodiff": by_autodiff}


def of_cell(plugins: "Plugins", name: str) -> Facts:
    """Return a cell's states, activations and source, and its equations as they are written."""
    cell: Any = plugins.get("cell", name)
    fields = ("source", "states", "recurrent", "activations")
    try:
        equations = inspect.getsource(cell)
    except (OSError, TypeError):  # of a class that no file defines
        equations = ""
    return {field: getattr(cell, field) for field in fields} | {"equations": equations}


def of_experiment(plugins: "Plugins", name: str) -> Facts:
    """Return an experiment's question, its settings, and the values and trials of its presets."""
    from gradsuite.commands.experiments import description

    experiment = plugins.experiment(name)
    described = description(experiment)
    described.pop("name")
    peers = {preset: list(names) for preset, names in experiment.peers.items()}
    return described | {"peers": peers, "only_when_named": experiment.named}


def of_task(plugins: "Plugins", name: str) -> Facts:
    """Return what is known of a task; of one that was given a file, what was read too."""
    from gradsuite.commands.tasks import facts

    kind = plugins.get("task", name.partition(":")[0])
    known = facts(kind)
    known.pop("name")
    return known | ({"notes": list(plugins.task(name).notes())} if ":" in name else {})
