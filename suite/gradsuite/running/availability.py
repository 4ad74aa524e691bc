"""Which backends can be had here, and which cannot, why, and what to type."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradsuite.alias import require_second
from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError, quoted
from gradsuite.hosting.registration import Broken, Registration
from gradsuite.plugins import Plugins
from gradsuite.running.executors.executor import Executor


@dataclass(frozen=True, slots=True)
class Availability:
    """Backends by name, and those that are not available."""

    available: dict[str, BackendInfo]
    unavailable: list[Broken]

    def require(self, names: Sequence[str]) -> None:
        """Raise UserError unless every backend asked for by name is available."""
        for lost in self.unavailable:
            if lost.name in names and lost.name not in self.available:  # a plugin may be called like a backend
                raise UserError(f"not available: {lost}")

    def require_device(self, device: str) -> None:
        """Raise UserError if no backend has this device."""
        if not any(device in info.devices for info in self.available.values()):
            had = "; ".join(f"{name} has {', '.join(info.devices)}" for name, info in self.available.items())
            raise UserError(f"no backend has the device {quoted(device)} ({had or 'none is available'})")


def survey(plugins: Plugins, executor: Executor, names: Sequence[str]) -> Availability:
    """Ask each of these backends, in its own worker, what it is; plugins that did not load are unavailable too."""
    said = executor.describe(names)
    available = {name: answer for name, answer in said.items() if isinstance(answer, BackendInfo)}
    lost = [
        Broken(name, answer, plugins.find("backend", name).install)
        for name, answer in said.items()
        if isinstance(answer, str)
    ]
    return Availability(available, lost + plugins.broken)


def asked_backend(plugins: Plugins, name: str) -> Registration:
    """Return the backend that was typed, by its name or a second one. Raises UserError if there is none."""
    registration = plugins.find("backend", name)
    require_second(name)
    return registration


def default_backends(plugins: Plugins) -> list[str]:
    """Return the backends that are run when none is named: all but the peers, which are there to compare with."""
    return sorted(name for name, registration in plugins.backends.items() if not registration.peer)
