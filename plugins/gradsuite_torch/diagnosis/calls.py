"""The calls of a module's recurrent layers in one forward pass, heard by hooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from gradsuite_torch.modules import states_of

State = tuple[Tensor, ...]


@dataclass(eq=False, slots=True)
class Call:
    """One call of a recurrent layer: what it read, and what it put out.

    `inputs` are (T, B, I), `lengths` (B) those of a packed sequence, `start` the states that it was given, each
    (layers, B, H). `outputs` and `last` are copies that autograd knows, through which goes all that depends on the
    call, but for a later call of the same layer that goes on from its last states: that one `follows`.
    """

    inputs: Tensor
    lengths: Tensor | None
    start: State | None
    raw: State  # last states as the layer put them out
    outputs: Tensor | PackedSequence
    last: State
    batch_first: bool
    batched: bool
    handed: State = ()
    follows: "Call | None" = None

    @property
    def reached(self) -> Tensor:
        """What autograd takes the gradient of the outputs by."""
        return self.outputs.data if isinstance(self.outputs, PackedSequence) else self.outputs

    def in_steps(self, values: Tensor | None) -> Tensor:
        """Return what is at every output as (T, B, O), zeros where it is padded; None stands for zeros."""
        values = torch.zeros_like(self.reached) if values is None else values
        if isinstance(self.outputs, PackedSequence):
            return pad_packed_sequence(self.outputs._replace(data=values))[0]
        return _in_steps(values, batch_first=self.batch_first, batched=self.batched)


@contextmanager
def heard(module: nn.Module, names: dict[str, nn.RNNBase]) -> Iterator[dict[str, list[Call]]]:
    """Hear the calls of these layers while the module runs, in their order."""
    calls: dict[str, list[Call]] = {name: [] for name in names}
    hooks = []
    for name, layer in names.items():
        hooks.append(layer.register_forward_pre_hook(_branching(calls[name]), with_kwargs=True))
        hooks.append(layer.register_forward_hook(_hearing(calls[name]), with_kwargs=True))
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _branching(calls: list[Call]) -> Any:
    """Return a hook that gives a call its states from the call before directly, past what else depends on them."""

    def before(layer: nn.RNNBase, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = _given(args, kwargs)
        previous = next((call for call in reversed(calls) if _same(given, call.handed)), None)
        if previous is None:
            return None
        raw = previous.raw if isinstance(layer, nn.LSTM) else previous.raw[0]
        return (args[:1], {**kwargs, "hx": raw}) if args else (args, {**kwargs, "hx": raw})

    return before


def _hearing(calls: list[Call]) -> Any:
    """Return a hook that keeps a call, and hands on copies of what it put out."""

    def after(layer: nn.RNNBase, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        put_out, last = output
        x = args[0] if args else kwargs["input"]
        given = _given(args, kwargs)
        packed = isinstance(x, PackedSequence)
        batched = packed or x.dim() == 3
        call = Call(
            inputs=_padded(x) if packed else _in_steps(x.detach(), batch_first=layer.batch_first, batched=batched),
            lengths=pad_packed_sequence(x)[1] if packed else None,
            start=None if given is None else tuple(_with_batch(one.detach(), batched) for one in given),
            raw=states_of(last),
            outputs=_copied(put_out),
            last=tuple(one.clone() for one in states_of(last)),
            batch_first=layer.batch_first,
            batched=batched,
            follows=next((call for call in calls if _same(given, call.raw)), None),
        )
        call.handed = tuple(one.clone() for one in call.last)
        calls.append(call)
        # What is handed on may be changed in place, and is not what gradients are taken by.
        return _copied(call.outputs), call.handed if isinstance(layer, nn.LSTM) else call.handed[0]

    return after


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> State | None:
    """Return the states that a layer was given."""
    given = args[1] if len(args) > 1 else kwargs.get("hx")
    return None if given is None else states_of(given)


def _same(given: State | None, others: State) -> bool:
    """Whether these are the very same tensors."""
    return given is not None and len(given) == len(others) and all(map(lambda a, b: a is b, given, others))


def _copied(outputs: Tensor | PackedSequence) -> Tensor | PackedSequence:
    """Return a copy that autograd knows."""
    if isinstance(outputs, PackedSequence):
        return outputs._replace(data=outputs.data.clone())
    return outputs.clone()


def _padded(x: PackedSequence) -> Tensor:
    return pad_packed_sequence(x._replace(data=x.data.detach()))[0]


def _in_steps(values: Tensor, *, batch_first: bool, batched: bool) -> Tensor:
    if not batched:
        return values.unsqueeze(1)
    return values.transpose(0, 1) if batch_first else values


def _with_batch(state: Tensor, batched: bool) -> Tensor:
    return state if batched else state.unsqueeze(1)
