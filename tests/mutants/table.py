"""The table of wrong backends: each has one fault, and names the check that must catch it."""

from gradsuite.backend import Backend

from tests.mutants.reference import Reference, ReferenceBackend

MUTANTS: dict[str, tuple[type[Backend], str]] = {}


def network(name: str, caught_by: str, **methods):
    """Add a mutant whose network has these methods instead of the reference's."""
    wrong = type("Wrong", (Reference,), methods)
    MUTANTS[name] = (type("WrongBackend", (ReferenceBackend,), {"network": wrong}), caught_by)


def backend(name: str, caught_by: str, base: type[Backend] = ReferenceBackend, **methods):
    """Add a mutant whose backend has these methods instead of the reference's, or of another right backend's."""
    MUTANTS[name] = (type("WrongBackend", (base,), methods), caught_by)
