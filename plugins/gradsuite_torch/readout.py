"""The readout, from the hidden states it reads to outputs and loss, and back."""

from collections.abc import Mapping

from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.losses import loss, loss_gradient
from gradsuite_torch.products import affine, product, weight_gradient


class Readout:
    """outputs = W h + b, or h itself without a readout, and the loss of a model.

    The hidden states it reads are (B, H), or (T, B, H) with readout `all`.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.axes = 3 if model.readout == "all" else 2  # of the outputs of one network

    def outputs(self, hidden: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return the outputs, a new array."""
        if self.model.readout == "none":
            return hidden.clone()
        outputs = affine(self._rows(hidden), parameters["readout.weight"], parameters["readout.bias"])
        return outputs.view(*outputs.shape[:-2], *hidden.shape[-self.axes : -1], -1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss."""
        return loss(self.model.loss, outputs, targets, self.axes)

    def loss_gradient(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return dL/d(outputs)."""
        return loss_gradient(self.model.loss, outputs, targets, self.axes)

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
