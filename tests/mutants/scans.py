"""Wrong scans: PyTorch's, each with one fault in its source, and the check that must catch it."""

import inspect
import textwrap
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from gradsuite_torch import recurrence
from gradsuite_torch.autodiff import Autodiff
from gradsuite_torch.backend import TorchBackend

MUTANTS: dict[str, tuple[type[TorchBackend], str]] = {}


def edited(function: Callable[..., Any], right: str, wrong: str) -> Callable[..., Any]:
    """Return a function with another piece of source in the place of one that it has once."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(right) == 1, right
    namespace = dict(vars(recurrence))
    exec(compile(source.replace(right, wrong), recurrence.__file__, "exec"), namespace)
    return namespace[function.__name__]


def mutant(name: str, caught_by: str, function: str, right: str, wrong: str) -> None:
    """Add a backend whose scan has one fault."""
    faulty = edited(getattr(recurrence, function), right, wrong)

    class Wrong(Autodiff):
        def wrongly(self, call, *args, **options):
            kernels = recurrence.KERNELS | ({function: faulty} if function in recurrence.KERNELS else {})
            with patch.object(recurrence, function, faulty), patch.object(recurrence, "KERNELS", kernels):
                return call(*args, **options)

        def forward(self, batch, *, states=False):
            return self.wrongly(super().forward, batch, states=states)

        def backward(self, tape):
            return self.wrongly(super().backward, tape)

    def build(self, *args, **options):
        with patch("gradsuite_torch.backend.Autodiff", Wrong):
            return TorchBackend.build(self, *args, **options)

    MUTANTS[name] = (type("WrongBackend", (TorchBackend,), {"build": build}), caught_by)


mutant(
    "seeded-with-the-wrong-element",
    "scan-mingru",
    "parallel",
    "h[first].copy_(new[first])",
    "h[first].copy_(new[others[0]])",
)
mutant(
    "block-carry-dropped",
    "scan-lru",
    "parallel",
    "carry = blocks[block, before]",
    "carry = torch.zeros_like(start)",
)
mutant(
    "product-begins-with-one",
    "scan-minlstm",
    "parallel",
    "product[first].copy_(each[first])",
    "product[first].fill_(1)",
)
mutant("products-of-the-first-block", "scan-mingru", "parallel", "products[block if varies else 0]", "products[0]")
mutant(
    "last-partial-block-dropped",
    "scan-lru",
    "parallel",
    "serial(a[left] if varies else a, b[left], carry, out[left], reverse=reverse)",
    "out[left].copy_(b[left])",
)
mutant(
    "blocks-walked-forward-on-the-way-back",
    "scan-lru",
    "parallel",
    "for block in walk(count, reverse=reverse)",
    "for block in range(count)",
)
mutant("reverse-scan-off-by-one", "scan-mingru", "state_gradients", "a[1:] if len(a) > 1", "a[:-1] if len(a) > 1")
mutant("not-conjugated", "scan-lru", "state_gradients", "a = conjugate(a)", "a = a.clone()")
mutant("last-loss-left-out", "scan-minlstm", "state_gradients", "total[-1] = direct[-1]", "total[-1] = 0")
mutant(
    "serial-forgets-the-start",
    "scan-every-mingru",
    "serial",
    "h, each, new, filled = start,",
    "h, each, new, filled = 0 * start,",
)
mutant("by-a-of-the-state-after", "scan-minlstm", "gradient_by_a", "h[:-1]", "h[1:]")
