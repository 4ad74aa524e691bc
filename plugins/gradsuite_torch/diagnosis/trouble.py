"""Where the first number that is not finite comes from: the data, the forward pass, the loss or the backward pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from gradsuite.diagnosis.patient import Question, Stage, Trouble
from torch import Tensor, nn

from gradsuite_torch.diagnosis.calls import Call
from gradsuite_torch.diagnosis.copies import tensors
from gradsuite_torch.diagnosis.looking import Look, look
from gradsuite_torch.diagnosis.places import Axes, Place, first_odd
from gradsuite_torch.diagnosis.sequences import sequences
from gradsuite_torch.diagnosis.swapping import batch_of, host, layers_of, parameters_of

Found = tuple[Stage, str, int | None, int | None]  # stage, place in words, step and layer


def find_trouble(module: nn.Module, batch: Any, question: Question, seen: Look, *, place: str = "") -> Trouble:
    """Return the trouble of a batch whose loss or gradients are not finite; `place` begins what is said of where.

    The passes are searched in the order in which they are computed.
    """
    calls = [call for one in seen.calls.values() for call in one]
    axes = _axes(calls, batch)
    found = (
        _in_data(batch, axes)
        or _in_forward(module, batch, question, axes)
        or _in_loss(seen, axes)
        or _in_backward(module, seen, axes)
    )
    stage, words, step, layer = found
    return Trouble(stage, f"{place}{words}", step, layer)


def _axes(calls: list[Call], batch: Any) -> Axes | None:
    """Return what the steps and sequences of a batch are, by the first recurrent layer or by the first array."""
    if calls:
        first = calls[0]
        steps = (
            sum(len(call.inputs) for call in calls) if first.lengths is None and _is_loop(calls) else len(first.inputs)
        )
        return Axes(steps, first.inputs.shape[1], first.batch_first)
    arrays = [tensor for _, tensor in tensors(batch) if tensor.dim()]
    return Axes(None, len(arrays[0]), True) if arrays else None


def _is_loop(calls: list[Call]) -> bool:
    """Whether the layer was called step by step."""
    return len(calls) > 1 and all(call.follows is before for before, call in pairwise(calls))


def _in_data(batch: Any, axes: Axes | None) -> Found | None:
    for path, tensor in tensors(batch):
        if place := first_odd(tensor, axes):
            where = f"{path.strip('.')} of the batch, " if path else ""
            return "data", f"{where}{place.words.replace('number', 'input', 1)}", place.step, None
    return None


def _in_forward(module: nn.Module, batch: Any, question: Question, axes: Axes | None) -> Found | None:
    """Return the first module to put out what is not finite, from finite inputs or not: those are the module's too."""
    with _first_module(module) as found:
        seen = look(module, batch, question)
    for name, output in found:
        if seen.calls.get(name):
            return _in_layer(module.get_submodule(name), name, seen.calls[name])
        if place := first_odd(output, axes):
            return "forward", f"what {name or 'the module'} puts out, {place.words}", place.step, None
    return None


@contextmanager
def _first_module(module: nn.Module) -> Iterator[list[tuple[str, Tensor]]]:
    """Collect the modules' outputs that are not all finite, in the order in which they are computed."""
    found: list[tuple[str, Tensor]] = []

    def hearing(name: str) -> Any:
        def after(one: nn.Module, args: Any, output: Any) -> None:
            found.extend(
                (name, tensor)
                for _, tensor in tensors(output)
                if tensor.is_floating_point() and not tensor.isfinite().all()
            )

        return after

    hooks = [one.register_forward_hook(hearing(name)) for name, one in module.named_modules()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _in_layer(layer: nn.Module, name: str, calls: list[Call]) -> Found:
    """Return the step and the layer at which states are first not finite: layers are run one after another."""
    assert isinstance(layer, nn.RNNBase)
    begun = 0
    for call in calls:
        if (place := _first_state(layer, call)) is not None:
            step, depth, sequence = place
            words = f"layer {depth} of {name or 'the module'}, sequence {sequence} at step {begun + step}"
            return "forward", words, begun + step, depth
        begun += len(call.inputs) if _is_loop(calls) else 0
    return "forward", f"what {name or 'the module'} puts out", None, None


@torch.no_grad()
def _first_state(layer: nn.RNNBase, call: Call) -> tuple[int, int, int] | None:
    """Return step, layer and sequence of the first state that is not finite."""
    x, found = call.inputs, []
    directions = 2 if layer.bidirectional else 1
    kind: Any = {"LSTM": nn.LSTM, "GRU": nn.GRU}.get(layer.mode, nn.RNN)  # of which the layer's class may be a child
    for depth in range(layer.num_layers):
        one = kind(
            x.shape[-1],
            layer.hidden_size,
            bias=layer.bias,
            bidirectional=layer.bidirectional,
            **({"nonlinearity": layer.nonlinearity} if isinstance(layer, nn.RNN) else {}),
        ).to(x)
        for own, parameter in one.named_parameters():
            parameter.copy_(getattr(layer, own.replace("_l0", f"_l{depth}")))
        rows = slice(directions * depth, directions * (depth + 1))
        start = None if call.start is None else tuple(state[rows].contiguous() for state in call.start)
        x = one(x, start if start is None or isinstance(layer, nn.LSTM) else start[0])[0]
        odd = (~x.isfinite()).any(-1)
        if call.lengths is not None:
            odd &= torch.arange(len(x), device=x.device)[:, None] < call.lengths.to(x.device)
        found += [(step, depth, sequence) for step, sequence in odd.nonzero().tolist()]
    return min(found, default=None)


def _in_loss(seen: Look, axes: Axes | None) -> Found | None:
    if bool(seen.loss.isfinite()):
        return None
    place = _by_result(seen, axes)
    words = f"the loss is {float(seen.loss):g}"
    if place is None:
        return "loss", words, None, None
    return "loss", f"{words}, and its gradient by the output not finite from {place.words}", place.step, None


def _in_backward(module: nn.Module, seen: Look, axes: Axes | None) -> Found:
    if place := _by_result(seen, axes):
        return "backward", f"the loss's gradient by the output, {place.words}", place.step, None
    for name in reversed(list(seen.calls)):
        for call, gradient in zip(seen.calls[name], seen.by_outputs[name], strict=True):
            about = Axes(len(call.inputs), call.inputs.shape[1], batch_first=False)
            if gradient is not None and (place := first_odd(call.in_steps(gradient), about, last=True)):
                return (
                    "backward",
                    f"the gradient by what {name or 'the module'} puts out, {place.words}",
                    place.step,
                    None,
                )
    for name, calls in seen.calls.items():
        if calls and (found := _in_recurrence(module.get_submodule(name), name, seen)):
            return found
    names = [name for name, one in seen.by_parameter.items() if one is not None and not one.isfinite().all()]
    return "backward", f"the gradient by {names[-1]}", None, None


def _by_result(seen: Look, axes: Axes | None) -> Place | None:
    """Return where the loss's gradient by the module's output is first not finite, unless that is everywhere."""
    for gradient in seen.by_result:
        if gradient is not None and not gradient.isfinite().all() and gradient.isfinite().any():
            return first_odd(gradient, axes)
    return None


def _in_recurrence(layer: nn.Module, name: str, seen: Look) -> Found | None:
    """Return the step that the backward pass reaches with numbers that are not finite, the last in time."""
    from gradsuite_torch.backend import TorchBackend

    assert isinstance(layer, nn.RNNBase)
    model = layers_of(layer, name)
    dtype = str(next(layer.parameters()).dtype).removeprefix("torch.")
    network = TorchBackend().build(model, parameters_of(layer, model), dtype=dtype)
    tape = network.forward(network.put(batch_of(sequences(layer, seen, name))), states=True)
    states = network.backward(tape).states
    odd = [] if states is None else (~torch.from_numpy(host(states)).isfinite()).nonzero().tolist()
    if not odd:
        return None
    step, depth, sequence, _ = max(odd)
    depth //= model.directions
    words = f"the gradient by the state of layer {depth} of {name or 'the module'}, sequence {sequence} at step {step}"
    return "backward", words, step, depth
