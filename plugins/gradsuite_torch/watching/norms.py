"""Gradient norms of parameters as they have been accumulated, before anything clips them."""

import math
import re
from collections.abc import Callable
from functools import partial

from gradsuite.diagnosis.watching import Reading
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.watching.numbers import fetch, norm

LAYER = re.compile(r"_l(\d+)(_reverse)?$")  # the end of a name in torch.nn.LSTM and its kin


class GradientNorms:
    """The norm of each parameter's gradient, when the last of a step's backward passes has added to it."""

    def __init__(self, module: nn.Module, loss_scale: Callable[[], float]) -> None:
        self.module = module
        self.loss_scale = loss_scale
        self.scale = 1.0
        self.norms: dict[str, Tensor] = {}

    def hooks(self) -> list[RemovableHandle]:
        """Register what sees a gradient as soon as it is there."""
        return [
            parameter.register_post_accumulate_grad_hook(partial(self._accumulated, name))  # type: ignore[no-untyped-call]
            for name, parameter in self.module.named_parameters()
            if parameter.requires_grad
        ]

    def readings(self) -> list[Reading]:
        """Return the norm over all parameters, and over those of each module and layer."""
        names, values = list(self.norms), fetch(self.norms.values())
        self.norms = {}
        squares: dict[tuple[str, int], float] = {}
        for name, value in zip(names, values, strict=True):
            place = self.place(name)
            squares[place] = math.hypot(squares.get(place, 0.0), value / self.scale)
        if not squares:
            return []
        whole = Reading("gradient_norm", math.hypot(*squares.values()))
        return [whole, *(Reading("gradient_norm", value, *place) for place, value in squares.items() if place[0])]

    def place(self, name: str) -> tuple[str, int]:
        """Return the module and the layer, directions counting as layers, that a parameter belongs to."""
        module, _, own = name.rpartition(".")
        found = LAYER.search(own)
        if found is None:
            return module, -1
        directions = 2 if getattr(self.module.get_submodule(module), "bidirectional", False) else 1
        return module, int(found[1]) * directions + (found[2] is not None)

    def _accumulated(self, name: str, parameter: Tensor) -> None:
        assert parameter.grad is not None
        if not self.norms:
            self.scale = float(self.loss_scale())
        self.norms[name] = norm(parameter.grad)
