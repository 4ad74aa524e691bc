"""A network that is a file of weights, as the torch modules that they came from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from gradsuite.batch import Batch
from gradsuite.diagnosis.files import StoredNetwork
from gradsuite.diagnosis.patient import Patient, Question
from gradsuite.errors import UserError
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gradsuite_torch.backend import TorchBackend
from gradsuite_torch.diagnosis.patients import patients

MODULES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Stored(nn.Module):
    """Recurrent layers and a linear head over their last state, or over each."""

    def __init__(self, stored: StoredNetwork) -> None:
        super().__init__()
        model = stored.model
        self.model = model
        more = {"nonlinearity": model.activation} if model.cell == "rnn" else {}
        self.layers = MODULES[model.cell](
            model.input_size,
            model.hidden_size,
            model.num_layers,
            bias=stored.biased,
            bidirectional=model.bidirectional,
            **more,
        ).double()
        self.head = nn.Linear(model.layer_output_size, model.output_size).double()
        tensors = {name: torch.from_numpy(array) for name, array in stored.parameters.items()}
        self.layers.load_state_dict({name: tensors[name] for name in self.layers.state_dict()})
        self.head.load_state_dict({name: tensors[f"readout.{name}"] for name in self.head.state_dict()})

    def forward(self, batch: Batch) -> Tensor:
        """Return outputs (B, O), or (T, B, O) with readout `all`."""
        inputs = torch.from_numpy(batch.inputs).to(self.head.weight)
        if batch.lengths is None:
            top, last = self.layers(inputs)
        else:
            packed = pack_padded_sequence(inputs, torch.from_numpy(batch.lengths), enforce_sorted=False)
            top, last = self.layers(packed)
            top = pad_packed_sequence(top, total_length=len(inputs))[0]
        if self.model.readout == "all":
            return self.head(top)
        last = last[0] if self.model.cell == "lstm" else last
        return self.head(torch.cat([*last[-self.model.directions :]], dim=-1))

    def loss(self, outputs: Tensor, batch: Any) -> Tensor:
        """Return the mean over the batch, and over the steps that count."""
        targets = torch.from_numpy(batch.targets).to(outputs.device)
        if batch.lengths is not None and self.model.readout == "all":
            valid = torch.from_numpy(batch.valid).to(outputs.device)
            outputs, targets = outputs[valid], targets[valid]
        if self.model.loss == "mse":
            return functional.mse_loss(outputs, targets.to(outputs.dtype))
        return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten().long())


def patients_of(question: Question) -> Sequence[Patient]:
    """Return the layers of stored weights as a patient; the question's batches are the host's."""
    stored = question.network
    if stored.device not in TorchBackend().describe().devices:
        raise UserError(f"there is no device {stored.device!r} here: type --device cpu")
    module = Stored(stored).to(stored.device)
    asked = replace(question, network=module, batch=list(question.batches()), loss=module.loss)
    return [
        replace(patient, title=f"{stored.name} of {question.title}", notes=(*stored.notes, *patient.notes))
        for patient in patients(module, asked)
        if isinstance(patient, Patient)
    ]
