"""Steps beside a run that must not cost it, and what is said of those that fail."""

from collections.abc import Callable
from typing import Any

from gradsuite.errors import UserError, one_line
from gradsuite.plugins import Plugins
from gradsuite.running.executors.executor import Say


class Attempts:
    """Takes such steps; each fault is told to `say` once."""

    def __init__(self, plugins: Plugins, say: Say) -> None:
        self.plugins = plugins
        self.say = say
        self.messages: set[str] = set()
        self.told = 0  # of the plugins' faults

    def step(self, trouble: str, step: Callable[[], object], advice: str = "") -> bool:
        """Take a step; return whether it worked."""
        try:
            step()
        except Exception as error:  # noqa: BLE001
            reason = str(error) if isinstance(error, UserError) else one_line(error)
            message = "; ".join(filter(None, [f"{trouble}: {reason}", advice]))
            if message not in self.messages:  # the link is made twice, and a fault is said once
                self.messages.add(message)
                self.say(message)
            return False
        return True

    def hook(self, hook: str, **known: Any) -> bool:
        """Call a hook of every plugin; return whether none failed. One that fails for every trial says so once."""
        before = len(self.plugins.hooks.faults)
        self.plugins.hooks.call(hook, **known)
        self.tell_faults()
        return len(self.plugins.hooks.faults) == before

    def tell_faults(self) -> None:
        """Say which hooks failed since this was last said."""
        for fault in self.plugins.hooks.faults[self.told :]:
            self.say(fault)
        self.told = len(self.plugins.hooks.faults)
