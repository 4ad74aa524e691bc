"""The classes behind registrations: imported, looked at, and made use of; what is of no use costs itself alone."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from gradsuite.hosting import contract, witness
from gradsuite.hosting.contained import Fault, contained
from gradsuite.hosting.registration import Broken, Registration
from gradsuite.hosting.rehearsal import rehearse

Made = TypeVar("Made")
Make = Callable[[Registration], Made]  # raises Fault, and nothing else


def class_of(registration: Registration) -> type:
    """Import and return the class behind a registration. Raises Fault if it is of no use."""
    if lost := contained(registration.missing):
        raise Fault(lost)
    loaded = contained(registration.load)
    contained(contract.require, registration.kind, registration.name, loaded)
    return loaded


def made(
    registrations: Sequence[Registration],
    make: Make[Made],
    built_in: Collection[str],
    trial: Make[object] | None = None,
) -> list[Made | Broken]:
    """Return what is made of each registration, or why it cannot be; unless its plugin is built in, first in a copy.

    In the copy, a `trial` may be more than what is made. What is built in comes first: what it has imported, the copy
    need not import once more.
    """
    trial = trial or make
    found = {one: _made(make, one) for one in registrations if one.plugin in built_in}
    others = [one for one in registrations if one.plugin not in built_in]
    endings = rehearse({(trial.__name__, one): partial(_made, trial, one) for one in others})
    for one in others:
        ending = endings.get((trial.__name__, one))
        found[one] = Broken(one.name, ending, one.install) if ending else _made(make, one)
    return [found[one] for one in registrations]


def _made(make: Make[Made], registration: Registration) -> Made | Broken:
    try:
        with witness.calling(f"the {registration.kind} {registration.name!r}"):
            return make(registration)
    except Fault as fault:
        return Broken(registration.name, str(fault), registration.install)
