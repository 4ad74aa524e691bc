"""The readout: outputs and loss from the hidden states it reads, and the gradients back to them."""

from collections.abc import Mapping

from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.losses import loss, loss_gradient
from gradsuite_torch.products import affine, weight_gradient


class Readout:
    """outputs = W h + b, or h itself without a readout, and the loss of a model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.axes = 3 if model.readout == "all" else 2  # of the outputs of one setting

    def forward(self, hidden: Tensor, targets: Tensor, parameters: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return loss and outputs; hidden is (B, H), or (T, B, H) with readout `all`."""
        if self.model.readout == "none":
            outputs = hidden.clone()
        else:
            flat = affine(self._rows(hidden), parameters["readout.weight"], parameters["readout.bias"])
            outputs = flat.view(*flat.shape[:-2], *hidden.shape[-self.axes : -1], -1)
        return loss(self.model.loss, outputs, targets, self.axes), outputs

    def backward(
        self, hidden: Tensor, outputs: Tensor, targets: Tensor, parameters: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return dL/d(hidden) and the readout's parameter gradients."""
        gradient = loss_gradient(self.model.loss, outputs, targets, self.axes)
        if self.model.readout == "none":
            return gradient, {}
        rows = self._rows(gradient)
        gradients = {"readout.weight": weight_gradient(rows, self._rows(hidden)), "readout.bias": rows.sum(-2)}
        return (rows @ parameters["readout.weight"]).view(hidden.shape), gradients

    def _rows(self, array: Tensor) -> Tensor:
        return array.flatten(-self.axes, -2)
