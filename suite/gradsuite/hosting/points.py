"""Entry points of the plugins that are installed: in which order they load, whose they are, and which are blocked."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points

from gradsuite.errors import unknown
from gradsuite.hookspecs import GROUP

DISABLE_VARIABLE = "GRADSUITE_DISABLE_PLUGINS"
DISTRIBUTION = "gradsuite"  # whose plugins are built in


def disabled(blocked: Collection[str] = ()) -> set[str]:
    """Return the plugins that are blocked here or by GRADSUITE_DISABLE_PLUGINS (names separated by commas)."""
    variable = os.environ.get(DISABLE_VARIABLE, "")
    return {*blocked, *(name.strip() for name in variable.split(",") if name.strip())}


@contextmanager
def blocking(names: Collection[str]) -> Iterator[None]:
    """Block plugins for all that this process does meanwhile, and for the processes that it starts."""
    before = os.environ.get(DISABLE_VARIABLE)
    os.environ[DISABLE_VARIABLE] = ",".join(sorted(disabled(names)))
    try:
        yield
    finally:
        if before is None:
            del os.environ[DISABLE_VARIABLE]
        else:
            os.environ[DISABLE_VARIABLE] = before


def installed() -> set[str]:
    """Return the names of all plugins that are installed, blocked or not."""
    return {point.name for point in entry_points(group=GROUP)}


def unblocked(
    unwanted: Collection[str], discover: Callable[..., Iterable[EntryPoint]]
) -> tuple[list[EntryPoint], list[EntryPoint]]:
    """Return the entry points of the plugins that are built in, and of all others, but for the unwanted ones.

    A plugin is unwanted by its name, or by that of its distribution: the name of a built-in plugin may be taken in
    vain. Raises UserError for a name that is no plugin's, so that a typo does not go unnoticed.
    """
    points = sorted(discover(group=GROUP), key=lambda point: point.name)
    names = {point.name for point in points}
    for name in set(unwanted) - names - set(map(distribution, points)):
        raise unknown("plugin", name, names)
    wanted = [point for point in points if not {*key(point)} & set(unwanted)]
    built_in = [point for point in wanted if distribution(point) == DISTRIBUTION]
    return built_in, [point for point in wanted if distribution(point) != DISTRIBUTION]


def key(point: EntryPoint) -> tuple[str, str]:
    """Return what tells a plugin from all others: its name, and that of its distribution if it is known."""
    return point.name, distribution(point)


def handle(point: EntryPoint, others: Iterable[EntryPoint]) -> str:
    """Return the name by which a plugin is blocked: its own, or its distribution's if another plugin has its own."""
    alike = [other for other in others if other.name == point.name]
    return distribution(point) or point.name if len(alike) > 1 else point.name


def distribution(point: EntryPoint) -> str:
    """Return the name of the distribution that has an entry point, if it is known."""
    return point.dist.name if point.dist else ""


def upgrade(point: EntryPoint) -> str:
    """Return the command that may mend a plugin, if it is known."""
    owner = distribution(point)
    return f"pip install --upgrade {owner}" if owner else ""
