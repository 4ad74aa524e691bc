"""Modules of a network that is deep instead of long: blocks behind one another, and rectifiers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gradsuite.diagnosis.watching import Reading, reach
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.watching.gates import dead
from gradsuite_torch.watching.loops import reach_readings
from gradsuite_torch.watching.numbers import fetch, norm, on_gradient, tensors


class Blocks:
    """Modules of one kind behind one another, such as the layers of a transformer: its depth is a depth too."""

    def __init__(self, name: str, blocks: Sequence[nn.Module]) -> None:
        self.name = name
        self.blocks = blocks
        self.activations: dict[int, Tensor] = {}
        self.gradients: dict[int, Tensor] = {}

    def hooks(self) -> list[RemovableHandle]:
        """Register what sees each block's outputs."""
        return [
            block.register_forward_hook(lambda block, _, outputs, k=k: self._called(block, outputs, k))
            for k, block in enumerate(self.blocks)
        ]

    def begin(self) -> None:
        """Note that the module, of which this is a part, begins a forward pass: the last one is kept anyway."""

    def readings(self) -> list[Reading]:
        """Return norms of activations and of gradients by them, block by block, and the horizon in blocks."""
        found: list[Reading] = []
        for metric, norms in (("activation_norm", self.activations), ("block_gradient", self.gradients)):
            order = sorted(norms)  # gradients come from the last block to the first
            values = fetch(norms[k] for k in order)
            found += [Reading(metric, value, self.name, k) for k, value in zip(order, values, strict=True)]
        by_block = {one.layer: one.value for one in found if one.metric == "block_gradient"}
        self.activations, self.gradients = {}, {}
        if len(by_block) == len(self.blocks):
            depth = reach(np.array([by_block[k] for k in reversed(range(len(self.blocks)))]))
            found += reach_readings(depth, self.name, -1, prefix="depth_")
        return found

    def _called(self, block: nn.Module, outputs: Any, k: int) -> None:
        output = next(tensors(outputs), None)
        if not block.training or output is None or not output.requires_grad:
            return
        self.activations[k] = norm(output)
        on_gradient(output, lambda gradient: self.gradients.__setitem__(k, norm(gradient)))


class Rectifier:
    """A `torch.nn.ReLU` while a step is looked at: units that are zero for all of a batch."""

    def __init__(self, name: str, relu: nn.ReLU) -> None:
        self.name = name
        self.relu = relu
        self.share: Tensor | None = None

    def hooks(self) -> list[RemovableHandle]:
        """Register what sees a call."""
        return [self.relu.register_forward_hook(self._called)]

    def begin(self) -> None:
        """Note that the module, of which this is a part, begins a forward pass: the last one is kept anyway."""

    def readings(self) -> list[Reading]:
        """Return the share of dead units."""
        share, self.share = self.share, None
        return [] if share is None else [Reading("dead", share.item(), self.name)]

    def _called(self, relu: nn.ReLU, args: Any, output: Tensor) -> None:
        if relu.training and torch.is_grad_enabled() and output.dim() > 1:
            units = 1 if output.dim() == 4 else -1  # an image's are its channels: N C H W
            self.share = dead(output.detach().movedim(units, -1))
