"""The patients in somebody's torch module: each of its recurrent layers that a batch goes through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from gradsuite.diagnosis.patient import Patient, Question, Seen, Swap, Traced, Trouble
from gradsuite.errors import UserError
from torch import nn

from gradsuite_torch.backend import TorchBackend
from gradsuite_torch.diagnosis.copies import copy_of, device_of, in_float64, precise, random_numbers_kept
from gradsuite_torch.diagnosis.looking import Look, look
from gradsuite_torch.diagnosis.sequences import Sequences, sequences
from gradsuite_torch.diagnosis.swapping import batch_of, host, layers_of, original, parameters_of, swap
from gradsuite_torch.diagnosis.tracing import traced
from gradsuite_torch.diagnosis.trouble import find_trouble

ALIKE = {"float64": 1e-10, "float32": 1e-3}  # differences above which something else is at work than roundings
SHARE = 1e-3  # of the gradient that goes past the outputs, above which it is said


@dataclass(frozen=True, slots=True)
class Looks:
    """A module's copy, and what was seen of every batch without trouble, or else of the first, in the copy's dtype."""

    module: nn.Module
    seen: tuple[Look, ...]
    dropout: Mapping[str, float]  # of the recurrent layers whose own is left out, by name
    trained: frozenset[str]  # names of the parameters that its owner trains
    dtype: str
    trouble: Trouble | None


def patients(module: nn.Module, question: Question) -> Sequence[Patient | Traced]:
    """Return a module's recurrent layers as patients; of a module without one, its steps or blocks as traced.

    The module is left as it is. Numbers are taken in float64 where a copy can be cast to it, else in the module's own
    dtype; trouble is looked for in the latter. Raises UserError for a module that nothing can be seen of.
    """
    module = getattr(module, "_orig_mod", module)  # what torch.compile was given
    with random_numbers_kept(device_of(module)):
        batches = question.batches()
        looks = _looks(module, batches, question)
        layers = {name: one for name, one in looks.module.named_modules() if isinstance(one, nn.RNNBase)}
        called = [name for name in layers if any(one.calls[name] for one in looks.seen)]
        if called:
            return [_patient(layers[name], name, looks, question) for name in called]
        return traced(looks.module, looks.trained, batches, question, dtype=looks.dtype, trouble=looks.trouble)


def _looks(module: nn.Module, batches: Sequence[Any], question: Question) -> Looks:
    """Look at every batch, first in the module's own dtype for trouble, then in float64 if it can be."""
    trained = frozenset(name for name, one in module.named_parameters() if one.requires_grad)
    own = copy_of(module)
    name = str(next((one.dtype for one in module.parameters()), torch.float32)).removeprefix("torch.")
    states = torch.get_rng_state()
    seen, trouble = [], None
    for number, batch in enumerate(batches):
        seen.append(look(own, batch, question))
        if not seen[-1].finite:
            trouble = find_trouble(
                own, batch, question, seen[-1], place=f"batch {number}: " if len(batches) > 1 else ""
            )
            break
    if name != "float64":
        torch.set_rng_state(states)
        try:
            cast = in_float64(copy_of(module))
            again = [look(cast, precise(batch), question) for batch in batches]
        except UserError:  # it insists on its own dtype
            name = "float32" if name != "float64" else name
        else:
            own, seen, name = cast, again, "float64"
    finite = tuple(one for one in seen if one.finite)
    dropout = {place: one.dropout for place, one in module.named_modules() if isinstance(one, nn.RNNBase)}
    return Looks(own, finite or tuple(seen[:1]), dropout, trained, name, trouble)


def _patient(layer: nn.RNNBase, name: str, looks: Looks, question: Question) -> Patient:
    """Return one layer with all that it was seen to do."""
    model = layers_of(layer, name)
    device = "cuda" if device_of(layer).type == "cuda" else "cpu"
    patient = Patient(
        f"{name} of {question.title}" if name else question.title,
        model,
        parameters_of(layer, model),
        (),
        TorchBackend(),
        device=device,
        dtype=looks.dtype,
        trouble=looks.trouble,
    )
    notes = dict.fromkeys(_notes(layer, name, looks))
    swaps = []
    for one in looks.seen:
        if not one.calls[name]:
            continue
        found = sequences(layer, one, name)
        if not found.gradient.any():
            raise UserError(f"the loss does not depend on what {name or 'the layer'} puts out: it has no gradient")
        batch = batch_of(found)
        seen = Seen(batch, float(one.loss), one.gradient_norm(looks.trained))
        patient = replace(patient, seen=(*patient.seen, seen))
        if one.finite:
            apart, more = _compared(patient, layer, name, one, found)
            swaps.append(apart)
            notes |= dict.fromkeys(more)
    return replace(patient, swap=_worst(swaps), notes=tuple(notes))


def _compared(patient: Patient, layer: nn.RNNBase, name: str, one: Look, found: Sequences) -> tuple[Swap, list[str]]:
    """Return how far the suite's layers are from the original in the last batch, and what is to be said of it.

    Gradients are compared with those of the whole network's loss; where something else than what the layers put out
    has a part in these, with those that the layers alone have of it.
    """
    named = dict(layer.named_parameters(recurse=False))
    whole = {weight: one.by_parameter[f"{name}.{weight}" if name else weight] for weight in named}
    by_weight = {weight: host(gradient) for weight, gradient in whole.items() if gradient is not None}
    apart = swap(patient, outputs=host(found.outputs), gradients=by_weight)
    if apart.parameters <= ALIKE[patient.dtype]:
        return apart, []
    alone = {weight: host(gradient) for weight, gradient in original(layer, found).items()}
    apart = swap(patient, outputs=host(found.outputs), gradients=alone)
    if found.lost > SHARE:
        return apart, [
            f"{found.lost:.1%} of the loss's gradient reaches the layers by their last memory cells, or by last states "
            "below the top layer: it is not followed."
        ]
    return apart, ["The loss depends on the layers' weights otherwise than through what they put out."]


def _worst(swaps: Sequence[Swap]) -> Swap | None:
    """Return the largest differences of all batches."""
    if not swaps:
        return None
    return replace(
        swaps[0],
        outputs=max(one.outputs for one in swaps),
        parameters=max(one.parameters for one in swaps),
    )


def _notes(layer: nn.RNNBase, name: str, looks: Looks) -> list[str]:
    """Return what was assumed of a layer."""
    notes = []
    if looks.dropout[name]:
        notes.append(f"Dropout of {looks.dropout[name]:g} between the layers is left out: its masks cannot be seen.")
    if not layer.bias:
        notes.append("The layers have no biases: those of the suite's are zeros.")
    if looks.dtype != "float64":
        notes.append(f"The module cannot be computed in float64: numbers are those of {looks.dtype}.")
    return notes
