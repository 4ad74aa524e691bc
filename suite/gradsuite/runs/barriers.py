"""Barriers: why timings of two runs cannot be compared, and what differs though they can, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from gradsuite.runs.machines import MARK

Meta = Mapping[str, Any]
# Facts of a machine without which its seconds are another machine's, by how they are called in a sentence.
DECISIVE = {"cpu": "processor", "cores": "number of cores", "threads": "number of threads per worker"}
NOTED = {"platform": "system", "python": "Python", "layout": "layout of workers in memory"}


def barriers(base: Meta, new: Meta) -> list[str]:
    """Return why no timing of these runs can be compared, from their meta data; nothing where they can."""
    before, after = base.get("machine", {}), new.get("machine", {})
    found = [
        f"the {name} is another: {said(before.get(fact))}, then {said(after.get(fact))}"
        for fact, name in DECISIVE.items()
        if before.get(fact) != after.get(fact)
    ]
    if not found and before.get(MARK) and after.get(MARK) and before[MARK] != after[MARK]:
        found.append("the machine is another of its kind (gradsuite bench --against measures both on one)")
    if base.get("gradsuite") != new.get("gradsuite"):
        versions = f"{said(base.get('gradsuite'))}, then {said(new.get('gradsuite'))}"
        found.append(f"gradsuite itself has another version, and may measure otherwise: {versions}")
    return found


def backend_barrier(backend: str, base: Meta, new: Meta) -> str:
    """Return why this backend's timings cannot be compared, or nothing."""
    before, after = (meta.get("tuned", {}).get(backend, {}) for meta in (base, new))
    return "" if before == after else f"{backend} was tuned otherwise: {said(before)}, then {said(after)}"


def data_barrier(task: Any, base: Meta, new: Meta) -> str:
    """Return why trials of this task cannot be compared, or nothing."""
    before, after = (meta.get("data", {}).get(task) for meta in (base, new))
    return "" if before == after else f"the data of {task} have changed"


def remarks(base: Meta, new: Meta) -> Iterator[str]:
    """Yield what differs between two runs that are compared all the same."""
    before, after = base.get("machine", {}), new.get("machine", {})
    for fact, name in NOTED.items():
        if before.get(fact) != after.get(fact):
            yield f"the {name} is another: {said(before.get(fact))}, then {said(after.get(fact))}"
    backends = base.get("backends", {})
    for backend, info in new.get("backends", {}).items():
        if backend in backends and (changed := changes(backends[backend], info)):
            yield f"{backend} has other versions: {changed}"


def changes(before: Meta, after: Meta) -> str:
    """Return which versions and libraries of a backend differ, in words."""
    old, new = before.get("versions", {}), after.get("versions", {})
    packages = [
        f"{name} {said(old.get(name))}, then {said(new.get(name))}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    libraries, others = (set(info.get("libraries", ())) for info in (before, after))
    packages += [f"no longer {name}" for name in sorted(libraries - others)]
    packages += [f"now {name}" for name in sorted(others - libraries)]
    return "; ".join(packages)


def said(fact: Any) -> str:
    """Return a fact as it stands in a sentence."""
    if isinstance(fact, Mapping):
        return " ".join(f"{name}={value}" for name, value in fact.items()) or "nothing"
    return "unknown" if fact is None else str(fact)
