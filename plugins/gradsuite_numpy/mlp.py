"""The multilayer perceptron: h_l = phi(W_l h_(l-1) + b_l)."""

from collections.abc import Mapping

import numpy as np
from gradsuite.backend import Batch, Gradients
from gradsuite.model import Model

from gradsuite_numpy.activation import ACTIVATIONS
from gradsuite_numpy.arrays import Array, column_sums, transpose
from gradsuite_numpy.readout import readout_of
from gradsuite_numpy.workspace import Workspace


class Mlp:
    """The layers for given parameters, and the readout, if any."""

    def __init__(self, model: Model, parameters: Mapping[str, Array]) -> None:
        self.depth, self.width = model.num_layers, model.hidden_size
        self.phi = ACTIVATIONS[model.activation]
        self.weights = [parameters[f"layers.{layer}.weight"] for layer in range(self.depth)]
        self.biases = [parameters[f"layers.{layer}.bias"] for layer in range(self.depth)]
        self.lead = self.weights[0].shape[:-2]
        self.readout = readout_of(parameters)

    def start(self, batch: Batch, workspace: Workspace, *, states: bool) -> "MlpPass":
        """Run forward over inputs (..., B, I)."""
        return MlpPass(self, batch, workspace, states=states)


class MlpPass:
    """One pass: each layer's activation `h` (..., B, H), and `x`, what each reads; `outputs` are for the loss."""

    last_state = None

    def __init__(self, mlp: Mlp, batch: Batch, workspace: Workspace, *, states: bool) -> None:
        self.mlp, self.workspace, self.states, self.masks = mlp, workspace, states, batch.masks
        self.shape = (*mlp.lead, batch.inputs.shape[-2], mlp.width)
        self.h: list[Array] = []
        self.x = [batch.inputs]
        for layer, (W, b) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
            h = workspace.array(f"h.{layer}", self.shape)
            np.matmul(self.x[-1], transpose(W), out=h)
            np.add(h, b[..., None, :], out=h)
            mlp.phi.apply(h)
            self.h.append(h)
            if self.masks is not None:
                h = np.multiply(h, self.masks[layer], out=workspace.array(f"x.{layer}", self.shape))
            self.x.append(h)
        self.outputs = mlp.readout.forward(self.x[-1]) if mlp.readout else self.x[-1].copy()

    def backward(self, dy: Array) -> Gradients:
        """Walk down the layers: dz_l = dh_l phi'(z_l),  dW_l = dz_l^T x_l,  dx_l = dz_l W_l,  dh_(l-1) = dx_l mask."""
        mlp, gradients = self.mlp, dict[str, Array]()
        shape = (mlp.depth, *self.shape)
        dh = np.empty(shape, dy.dtype) if self.states else self.workspace.array("dh", shape)
        dz = self.workspace.array("dz", self.shape)
        if mlp.readout:
            gradients |= mlp.readout.backward(self.x[-1], dy, dh[-1])
        else:
            dh[-1] = dy
        for layer in reversed(range(mlp.depth)):
            if self.masks is not None:
                np.multiply(dh[layer], self.masks[layer], out=dh[layer])
            mlp.phi.pull(self.h[layer], dh[layer], dz)
            gradients[f"layers.{layer}.weight"] = transpose(dz) @ self.x[layer]
            gradients[f"layers.{layer}.bias"] = column_sums(dz)
            if layer:
                np.matmul(dz, mlp.weights[layer], out=dh[layer - 1])
        return Gradients(gradients, np.moveaxis(dh, 0, -3) if self.states else None)
