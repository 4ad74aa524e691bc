"""What there is to look at in a module: recurrent layers, cells in loops, blocks behind one another, rectifiers."""

from collections.abc import Collection, Iterator
from typing import Protocol

from gradsuite.diagnosis.watching import Reading, Watch
from torch import nn
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.watching.blocks import Blocks, Rectifier
from gradsuite_torch.watching.loops import LoopedCell
from gradsuite_torch.watching.recurrent import RecurrentLayers

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
FEWEST_BLOCKS = 3  # that make a depth


class Probe(Protocol):
    """What looks at one module."""

    def hooks(self) -> list[RemovableHandle]:
        """Register what sees the step."""

    def begin(self) -> None:
        """Note that a forward pass begins."""

    def readings(self) -> list[Reading]:
        """Return what was seen, and forget it."""


def compiled(module: nn.Module) -> Iterator[str]:
    """Yield the names, inside what a compiled module was, of all that is compiled: hooks would be compiled with it."""
    inner: nn.Module = getattr(module, "_orig_mod", module)
    if inner is not module:
        yield from (name for name, _ in inner.named_modules())
        return
    heads = [name for name, part in inner.named_modules() if hasattr(part, "_orig_mod")]
    yield from (name for name, _ in inner.named_modules() if any(f"{name}.".startswith(f"{head}.") for head in heads))


def probes(module: nn.Module, open_: Collection[str], watch: Watch) -> Iterator[Probe]:
    """Yield what looks at each part of a module that there is something to say about.

    Of what is not open, but compiled, only recurrent layers are looked at, which PyTorch's compiler leaves as they are.
    """
    if len(open_) < sum(1 for _ in module.named_modules()):
        watch.note("What is compiled has no hooks inside: of it, only recurrent layers and parameters are looked at.")
    for name, part in module.named_modules():
        if isinstance(part, RECURRENT):
            if part.proj_size:
                watch.note(
                    f"{name or 'The module'} has proj_size, which the suite lacks: its horizon is not looked at."
                )
                continue
            if part.dropout and part.num_layers > 1:
                watch.note(f"The dropout between the layers of {name or 'the module'} is left out of its horizon.")
            yield RecurrentLayers(name, part, compiled=name not in open_)
        elif name not in open_:
            continue
        elif isinstance(part, nn.RNNCellBase):
            yield LoopedCell(name, part)
        elif isinstance(part, nn.ReLU):
            yield Rectifier(name, part)
        elif isinstance(part, nn.ModuleList | nn.Sequential):
            yield from blocks(name, part)


def blocks(name: str, part: nn.ModuleList | nn.Sequential) -> Iterator[Blocks]:
    """Yield the modules of the kind that a list has most of, unless they are few."""
    kinds = [type(child) for child in part if next(child.parameters(), None) is not None]
    kind = max(kinds, key=kinds.count, default=None)
    if kind is not None and kinds.count(kind) >= FEWEST_BLOCKS and not issubclass(kind, (nn.RNNBase, nn.RNNCellBase)):
        yield Blocks(name, [child for child in part if type(child) is kind])
