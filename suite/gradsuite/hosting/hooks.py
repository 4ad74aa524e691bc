"""Hooks that are called while a command goes on: what each plugin answers, and which of them failed."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pluggy

from gradsuite.errors import NotAvailable
from gradsuite.hosting import witness
from gradsuite.hosting.contained import Fault, asked, contained


class Hooks:
    """The hooks of all plugins of a manager; one that fails costs its own answer, and is noted."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self.manager = manager
        self._faults: dict[str, None] = {}  # a set that keeps its order; threads add to it

    @property
    def faults(self) -> list[str]:
        """Hooks that failed, one line each: what else their plugins do stays in use."""
        return list(self._faults)

    def call(self, hook: str, **known: Any) -> dict[str, Any]:
        """Return what each plugin answers to a hook, by plugin; None and nothing of one that fails, which is noted."""
        answers: dict[str, Any] = {}
        for plugin, answer in self._implemented(hook, known):
            try:
                with witness.calling(_named(hook, plugin)):
                    answered = contained(answer)
            except Fault as fault:
                self.blame(plugin, hook, str(fault))
            else:
                answers |= {plugin: answered} if answered is not None else {}
        return answers

    def first(self, hook: str, **known: Any) -> Any:
        """Return the first answer that is not None. Raises UserError as a plugin does.

        Of one that fails, another may have the answer; if none has, NotAvailable is raised and says which failed.
        """
        failed: list[Fault] = []
        for plugin, answer in self._implemented(hook, known):
            try:
                with witness.calling(_named(hook, plugin)):
                    answered = asked(answer)
            except Fault as fault:
                self.blame(plugin, hook, str(fault))
                failed.append(fault)
            else:
                if answered is not None:
                    return answered
        if failed:
            raise NotAvailable(self.faults[-1]) from failed[-1]
        return None

    def blame(self, plugin: str, hook: str, reason: str) -> None:
        """Note, once, that a plugin's hook failed, and why."""
        self._faults.setdefault(f"{_named(hook, plugin)} failed: {reason}")

    def _implemented(self, hook: str, known: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Yield what each plugin does for a hook, in the order in which pluggy calls them."""
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            given = [known[argument] for argument in implementation.argnames]
            yield implementation.plugin_name, partial(implementation.function, *given)


def _named(hook: str, plugin: str) -> str:
    return f"the hook {hook} of the plugin {plugin!r}"
