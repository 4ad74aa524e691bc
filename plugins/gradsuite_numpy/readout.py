"""The linear readout y = W h + b."""

from collections.abc import Mapping

import numpy as np

from gradsuite_numpy.arrays import Array, column_sums, transpose


class Readout:
    """W (..., O, H) and b (..., O), applied to states (..., N, H)."""

    def __init__(self, weight: Array, bias: Array) -> None:
        self.weight, self.bias = weight, bias
        self.weight_t = np.ascontiguousarray(transpose(weight))

    def forward(self, h: Array) -> Array:
        """Return y (..., N, O)."""
        return h @ self.weight_t + self.bias[..., None, :]

    def backward(self, h: Array, dy: Array, dh: Array) -> dict[str, Array]:
        """Write dh = dy W into (..., N, H) and return the gradients of W and b."""
        np.matmul(dy, self.weight, out=dh)
        return {"readout.weight": transpose(dy) @ h, "readout.bias": column_sums(dy)}


def readout_of(parameters: Mapping[str, Array]) -> Readout | None:
    """Return the readout of these parameters, or None."""
    if "readout.weight" not in parameters:
        return None
    return Readout(parameters["readout.weight"], parameters["readout.bias"])
