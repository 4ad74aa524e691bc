"""A torch recurrent layer as the suite has it: its model, its parameters, and how far the two are apart."""

from collections.abc import Mapping

import numpy as np
import torch
from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.diagnosis.patient import Patient, Swap, with_identity
from gradsuite.errors import UserError
from gradsuite.model import GATES, Model
from gradsuite.parameters import Parameters
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gradsuite_torch.diagnosis.sequences import Sequences
from gradsuite_torch.modules import model_of


def layers_of(layer: nn.RNNBase, name: str) -> Model:
    """Return the layer as a model whose loss is an inner product. Raises UserError for one that the suite lacks."""
    if layer.proj_size:
        raise UserError(f"{name}: an LSTM with a projection (proj_size={layer.proj_size}) is not supported")
    width = layer.hidden_size * (2 if layer.bidirectional else 1)
    return model_of(layer, output_size=width, readout="all", loss="inner_product")


def parameters_of(layer: nn.RNNBase, model: Model) -> Parameters:
    """Return a layer's parameters in float64; biases that it does not have are zeros."""
    found = {name: host(parameter) for name, parameter in layer.named_parameters(recurse=False)}
    if not layer.bias:
        zeros = np.zeros(GATES[model.cell] * model.hidden_size)
        found |= {name.replace("weight", "bias"): zeros for name in list(found)}
    return with_identity(model, found)


def batch_of(seen: Sequences) -> Batch:
    """Return a batch whose targets make the inner product's gradient by every output the whole network's."""
    steps, size = seen.inputs.shape[:2]
    counted = steps * size if seen.lengths is None else int(seen.lengths.sum())
    return Batch(
        host(seen.inputs),
        host(seen.gradient) * counted,  # that loss is a mean over all steps that count
        lengths=None if seen.lengths is None else seen.lengths.numpy().astype(np.int64),
        state=None if seen.state is None else tuple(map(host, seen.state)),
    )


def original(layer: nn.RNNBase, seen: Sequences) -> dict[str, Tensor]:
    """Return the layer's own gradients, by name, of its outputs' inner product with the loss's gradient by them."""
    inputs = seen.inputs.transpose(0, 1) if layer.batch_first else seen.inputs
    state = None if seen.state is None else seen.state if isinstance(layer, nn.LSTM) else seen.state[0]
    with torch.enable_grad():
        if seen.lengths is None:
            outputs = layer(inputs, state)[0]
        else:
            packed = pack_padded_sequence(inputs, seen.lengths, layer.batch_first, enforce_sorted=False)
            outputs = pad_packed_sequence(layer(packed, state)[0], layer.batch_first)[0]
        outputs = outputs.transpose(0, 1) if layer.batch_first else outputs
        named = dict(layer.named_parameters(recurse=False))
        return dict(zip(named, torch.autograd.grad(outputs, list(named.values()), seen.gradient), strict=True))


def swap(patient: Patient, *, outputs: np.ndarray, gradients: Mapping[str, np.ndarray]) -> Swap:
    """Compute a patient's last batch, and return how far it is from the original's outputs and gradients."""
    network = patient.backend.build(patient.model, patient.parameters, device=patient.device, dtype=patient.dtype)
    tape = network.forward(network.put(patient.seen[-1].batch))
    computed = network.fetch(tape.outputs)
    ours = network.backward(tape).parameters
    apart = [compare(network.fetch(ours[name]), reference).error for name, reference in gradients.items()]
    return Swap(compare(computed, outputs).error, max(apart), patient.backend.name, patient.dtype)


def host(tensor: Tensor) -> np.ndarray:
    """Copy a tensor to the host, in float64."""
    array: np.ndarray = tensor.detach().double().cpu().numpy()
    return array.copy()
