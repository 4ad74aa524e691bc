"""The checks: the promises of the interface, those of one kind in a module, in the order in which they are measured."""

from gradsuite.conformance.check import Check
from gradsuite.conformance.checks import (
    arrays,
    cells,
    claims,
    features,
    gradients,
    large,
    laws,
    laziness,
    purity,
    scales,
    sequences,
    training,
    vanishing,
)

MODULES = (
    claims,
    gradients,
    cells,
    large,
    laws,
    scales,
    vanishing,
    purity,
    arrays,
    laziness,
    training,
    features,
    sequences,
)
CHECKS: tuple[Check, ...] = tuple(check for module in MODULES for check in module.CHECKS)

__all__ = ["CHECKS"]
