"""A backend by name, loaded in the environment that its worker would have."""

import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gradsuite.errors import UserError, unknown
from gradsuite.hosting.contained import Fault, contained
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.worker.environment import added

if TYPE_CHECKING:
    from gradsuite.backend import Backend, BackendInfo


def load_backend(name: str) -> "Backend":
    """Return the backend of this name. Raises UserError if there is none, or if it cannot be imported.

    Its environment is set before anything heavy is imported, NumPy included.
    """
    plugins = load()
    registration = plugins.find("backend", name)
    if lost := registration.missing():
        raise UserError(f"backend {name!r} is not available: {lost}; type: {registration.install}")
    os.environ.update(added(plugins, name, machine()))
    for fault in plugins.hooks.faults:
        warnings.warn(fault, stacklevel=2)
    try:
        backend: Backend = contained(contained(registration.load))
    except Fault as fault:
        raise UserError(f"backend {name!r} cannot be loaded: {fault}") from fault
    return backend


def require(info: "BackendInfo", devices: Iterable[str], dtypes: Iterable[str]) -> None:
    """Raise UserError unless the backend claims all of these."""
    for kind, names, claimed in (("device", devices, info.devices), ("dtype", dtypes, info.dtypes)):
        for name in names:
            if name not in claimed:
                raise unknown(f"{kind} of {info.name}", name, claimed)
