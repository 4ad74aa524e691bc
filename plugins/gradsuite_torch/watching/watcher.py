"""What looks at a torch module while it is trained: hooks that stand, and more of them on a step that is looked at."""

from typing import Any

import torch
from gradsuite.diagnosis.watching import Reading, Watch
from gradsuite.errors import UserError
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.watching.finding import compiled, probes
from gradsuite_torch.watching.finite import Finite
from gradsuite_torch.watching.norms import GradientNorms


class Watcher:
    """Counts the steps of the first optimizer that has a parameter of the module, and looks at one in `watch.every`."""

    def __init__(self, module: nn.Module, watch: Watch) -> None:
        if module._compiled_call_impl is not None:
            raise UserError("cannot watch a module after its own compile(): watch what torch.compile(module) returns")
        self.module = module
        self.inner: nn.Module = getattr(module, "_orig_mod", module)  # of a compiled module, the module that it was
        self.watch = watch
        watch.title = type(self.inner).__name__
        self.finite = Finite(module)
        self.norms = GradientNorms(self.inner, watch.loss_scale)
        self.open = {name for name, _ in self.inner.named_modules()} - set(compiled(module))
        self.probes = list(probes(self.inner, self.open, watch))
        self.next = 1
        self.optimizer: Optimizer | None = None
        self.by_hand = False
        self.loss: Tensor | None = None
        self.standing: list[RemovableHandle] = []
        self.armed: list[RemovableHandle] = []

    def start(self) -> None:
        """Register the hooks that stand, and those of the first step."""
        self.standing.append(register_optimizer_step_post_hook(self._stepped))
        if self.watch.finite:
            self.standing.append(self.finite.hook())
        if self.watch.steps == self.next - 1:
            self._arm()

    def stop(self) -> None:
        """Remove all hooks."""
        remove(self.standing)
        remove(self.armed)
        self.optimizer = None
        if trouble := self.finite.last():
            self.watch.checked(self.watch.steps, trouble)

    def tell(self, loss: Any) -> None:
        """Keep the loss of the step that is under way."""
        self.loss = loss.detach() if isinstance(loss, Tensor) else torch.tensor(float(loss))

    def step(self) -> None:
        """Count a step by hand; the first time, one that an optimizer has counted already is not counted twice."""
        counted = not self.by_hand and self.watch.steps > 0
        self.by_hand = True
        if not counted:
            self._end()

    def _stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self.optimizer is None and not self.by_hand and holds(optimizer, self.module):
            self.optimizer = optimizer
        if optimizer is self.optimizer and not self.by_hand:
            self._end()

    @torch.no_grad()
    def _end(self) -> None:
        """End a step; the hooks of the next one to look at are there for that one only."""
        self.watch.steps += 1
        if self.watch.finite:
            self.watch.checked(self.watch.steps, self.finite.ask(self.loss))
        if self.watch.steps == self.next:
            self._look()
            self.next = (self.next // self.watch.every + 1) * self.watch.every
        if self.watch.steps == self.next - 1:
            self._arm()
        self.loss = None

    def _look(self) -> None:
        remove(self.armed)
        loss = [] if self.loss is None else [Reading("loss", self.loss.item())]
        seen = [reading for probe in self.probes for reading in probe.readings()]
        self.watch.seen(self.watch.steps, [*loss, *self.norms.readings(), *seen])

    def _arm(self) -> None:
        self.armed += self.norms.hooks()
        self.armed += [handle for probe in self.probes for handle in probe.hooks()]
        if self.watch.finite:
            parts = ((name, part) for name, part in self.inner.named_modules() if name and name in self.open)
            self.armed += self.finite.hooks_inside(parts)
        if not isinstance(self.inner, nn.RNNBase | nn.RNNCellBase):  # itself may be called once a time step
            self.armed.append(self.module.register_forward_pre_hook(self._begin))

    def _begin(self, module: nn.Module, args: Any) -> None:
        if module.training and torch.is_grad_enabled():
            for probe in self.probes:
                probe.begin()


def holds(optimizer: Optimizer, module: nn.Module) -> bool:
    """Return whether an optimizer has a parameter of a module."""
    own = {id(parameter) for parameter in module.parameters()}
    return any(id(parameter) in own for group in optimizer.param_groups for parameter in group["params"])


def remove(handles: list[RemovableHandle]) -> None:
    """Remove hooks, each once."""
    while handles:
        handles.pop().remove()
