"""The same model in torch.nn and autograd: the independent twin that every backend is held against."""

import numpy as np
import torch
from gradsuite.backend import Batch, Gradients
from gradsuite.model import Model
from torch.nn import functional

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda z: z}


def loss_and_gradients(
    model: Model, parameters: dict[str, np.ndarray], batch: Batch, dtype: torch.dtype = torch.float64
) -> tuple[np.ndarray, np.ndarray, Gradients]:
    """Return loss, outputs and all gradients, states included."""
    leaves = {name: torch.tensor(p, dtype=dtype, requires_grad=True) for name, p in parameters.items()}
    inputs = torch.tensor(batch.inputs, dtype=dtype)
    states = _recurrent(model, leaves, inputs) if model.recurrent else _mlp(model, leaves, inputs)
    top = states[-1]
    hidden = top[-1] if model.recurrent and model.readout != "all" else top
    if isinstance(hidden, list):
        hidden = torch.stack(hidden)
    if model.readout == "none":
        outputs = hidden
    else:
        outputs = functional.linear(hidden, leaves["readout.weight"], leaves["readout.bias"])
    loss = _loss(model, outputs, batch)
    flat = [h for layer in states for h in layer] if model.recurrent else states
    wanted = [*leaves.values(), *flat]
    found = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    by_name = {name: g.numpy() for name, g in zip(leaves, found, strict=False)}
    state = torch.stack(found[len(leaves) :])
    if model.recurrent:
        steps, size, _ = inputs.shape
        state = state.reshape(model.num_layers, steps, size, model.hidden_size).transpose(0, 1)
    return loss.detach().numpy(), outputs.detach().numpy(), Gradients(by_name, state.numpy())


def _mlp(model, leaves, inputs):
    states, h = [], inputs
    for layer in range(model.num_layers):
        z = functional.linear(h, leaves[f"layers.{layer}.weight"], leaves[f"layers.{layer}.bias"])
        h = ACTIVATIONS[model.activation](z)
        states.append(h)
    return states


def _recurrent(model, leaves, inputs):
    """Return layer -> time -> state, each a node of the graph: one torch.nn cell a step."""
    layers, sequence = [], list(inputs)
    zeros = inputs.new_zeros(inputs.shape[1], model.hidden_size)
    for layer in range(model.num_layers):
        w = [leaves[f"{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h, c, states = zeros, zeros, []
        for x in sequence:
            if model.cell == "lstm":
                h, c = torch.lstm_cell(x, (h, c), *w)
            elif model.cell == "gru":
                h = torch.gru_cell(x, h, *w)
            else:
                z = functional.linear(x, w[0], w[2]) + functional.linear(h, w[1], w[3])
                h = ACTIVATIONS[model.activation](z)
            states.append(h)
        layers.append(states)
        sequence = states
    return layers


def _loss(model, outputs, batch):
    targets = torch.tensor(batch.targets)
    if model.loss == "cross_entropy":
        return functional.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1))
    targets = targets.to(outputs.dtype)
    if model.loss == "mse":
        return functional.mse_loss(outputs, targets)
    return (outputs * targets).sum(-1).mean()


def module_gradients(
    model: Model, parameters: dict[str, np.ndarray], inputs: np.ndarray, top_gradient: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return torch.nn.RNN/LSTM/GRU's output (T, B, H), and its parameter gradients for dL/d(output) = top_gradient."""
    kind = {"nonlinearity": model.activation} if model.cell == "rnn" else {}
    sizes = (model.input_size, model.hidden_size, model.num_layers)
    module = MODULES[model.cell](*sizes, bidirectional=model.bidirectional, dtype=torch.float64, **kind)
    module.load_state_dict({name: torch.tensor(p) for name, p in parameters.items() if not name.startswith("readout")})
    output, _ = module(torch.tensor(inputs))
    output.backward(torch.tensor(top_gradient))
    return output.detach().numpy(), {name: p.grad.numpy() for name, p in module.named_parameters()}
