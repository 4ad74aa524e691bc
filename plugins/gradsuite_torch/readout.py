"""The readout, from the hidden states it reads to outputs and loss, and back."""

from collections.abc import Mapping

from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.losses import loss, loss_gradient
from gradsuite_torch.padding import Padding
from gradsuite_torch.products import affine, product, weight_gradient


class Readout:
    """outputs = W h + b, or h itself without a readout, and the loss of a model.

    The hidden states it reads are (B, H), or (T, B, H) with readout `all`. Where those are `padding`, outputs are zero
    and losses do not count: then targets are packed.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.axes = 3 if model.readout == "all" else 2  # of the outputs of one network

    def outputs(self, hidden: Tensor, parameters: Mapping[str, Tensor], padding: Padding | None = None) -> Tensor:
        """Return the outputs, a new array."""
        if self.model.readout == "none":
            return hidden.clone()
        outputs = affine(self._rows(hidden), parameters["readout.weight"], parameters["readout.bias"])
        outputs = outputs.view(*outputs.shape[:-2], *hidden.shape[-self.axes : -1], -1)
        return outputs if padding is None or self.axes == 2 else padding.clear(outputs)

    def loss(self, outputs: Tensor, targets: Tensor, padding: Padding | None = None) -> Tensor:
        """Return the loss."""
        if padding is None or self.axes == 2:
            return loss(self.model.loss, outputs, targets, self.axes)
        return loss(self.model.loss, padding.pack(outputs), targets, 2)

    def loss_gradient(self, outputs: Tensor, targets: Tensor, padding: Padding | None = None) -> Tensor:
        """Return dL/d(outputs)."""
        if padding is None or self.axes == 2:
            return loss_gradient(self.model.loss, outputs, targets, self.axes)
        return padding.unpack(loss_gradient(self.model.loss, padding.pack(outputs), targets, 2))

    def pull_back(
        self, hidden: Tensor, gradient: Tensor, parameters: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return dL/d(hidden) and the readout's parameter gradients, from dL/d(outputs)."""
        if self.model.readout == "none":
            return gradient, {}
        rows = self._rows(gradient)
        gradients = {"readout.weight": weight_gradient(rows, self._rows(hidden)), "readout.bias": rows.sum(-2)}
        return product(rows, parameters["readout.weight"]).view(hidden.shape), gradients

    def _rows(self, array: Tensor) -> Tensor:
        return array.flatten(-self.axes, -2)
