"""The recurrent layers that a state dict holds, read from the names and shapes of torch.nn's RNN, LSTM and GRU."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gradsuite.cells import Shape
from gradsuite.errors import UserError, unknown
from gradsuite.model import GATES, Model
from gradsuite.parameters import Parameters

NAME = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<kind>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?P<place>_l\d+(?:_reverse)?|)"
)
PLACE = re.compile(r"_l(\d+)(_reverse)?")
CELL_OF = {gates: cell for cell, gates in GATES.items()}  # 4 H rows are those of an lstm, 3 H of a gru, H of an rnn
SHOWN = 5  # names of tensors in an error


@dataclass(frozen=True, slots=True)
class Architecture:
    """The layers below one prefix: `biased` is False for layers without biases, which are then zeros."""

    prefix: str
    cell: str
    input_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    biased: bool

    @property
    def output_size(self) -> int:
        """Width of what the top layer puts out."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    def model(self, *, activation: str, output_size: int, readout: str, loss: str) -> Model:
        """Return these layers as a model. Raises UserError for an activation that its cell does not have."""
        return Model(
            self.cell,
            self.input_size,
            self.hidden_size,
            output_size,
            num_layers=self.num_layers,
            activation=activation,
            readout=readout,
            loss=loss,
            bidirectional=self.bidirectional,
        )

    def parameters(self, state: Mapping[str, np.ndarray]) -> Parameters:
        """Return the layers' parameters in float64 by PyTorch's names."""
        found = {ours: np.asarray(state[theirs], np.float64) for ours, theirs in _ours(state, self.prefix).items()}
        if self.biased:
            return found
        zeros = np.zeros(GATES[self.cell] * self.hidden_size)
        places = [name.removeprefix("weight_hh") for name in found if name.startswith("weight_hh")]
        return found | {f"{kind}{place}": zeros for place in places for kind in ("bias_ih", "bias_hh")}


def architecture_of(state: Mapping[str, np.ndarray], prefix: str | None = None, *, source: str) -> Architecture:
    """Return the recurrent layers of a state dict: those below the prefix, or the only ones that there are.

    Raises UserError where there are none, where there are several and no prefix, and for shapes that contradict each
    other. `source` is what errors call the state dict.
    """
    prefixes = list(dict.fromkeys(match["prefix"] for match in map(NAME.fullmatch, state) if match))
    if not prefixes:
        has = ", ".join(list(state)[:SHOWN]) + (", ..." if len(state) > SHOWN else "")
        raise UserError(
            f"{source} holds no torch.nn.RNN, LSTM or GRU: no name ends in weight_ih_l0 (it has: {has or 'nothing'})"
        )
    if prefix is None:
        if len(prefixes) > 1:
            raise UserError(f"{source} holds {len(prefixes)} recurrent networks: {_flags(prefixes)}")
        return _read(_ours_shapes(state, prefixes[0]), prefixes[0])
    wanted = prefix if prefix in prefixes or not prefix else prefix.removesuffix(".") + "."
    if wanted not in prefixes:
        raise unknown(f"prefix of {source}", prefix, [one or "''" for one in prefixes])
    return _read(_ours_shapes(state, wanted), wanted)


def _flags(prefixes: Iterable[str]) -> str:
    return "type " + " or ".join(f"--prefix {one or repr(one)}" for one in prefixes)


def _ours(state: Iterable[str], prefix: str) -> dict[str, str]:
    """Return the model's name -> the state dict's; a torch.nn.LSTMCell has the names of a single layer, without _l0."""
    return {
        f"{match['kind']}{match['place'] or '_l0'}": name
        for name in state
        if (match := NAME.fullmatch(name)) and match["prefix"] == prefix
    }


def _ours_shapes(state: Mapping[str, np.ndarray], prefix: str) -> dict[str, Shape]:
    return {ours: tuple(state[theirs].shape) for ours, theirs in _ours(state, prefix).items()}


def _read(shapes: Mapping[str, Shape], prefix: str) -> Architecture:
    """Return what these shapes are. Raises UserError where they contradict each other."""
    if any(name.startswith("weight_hr") for name in shapes):
        raise UserError(f"{prefix}weight_hr_l0: an LSTM with a projection (proj_size) is not supported")
    for name in ("weight_ih_l0", "weight_hh_l0"):
        if len(shapes.get(name, ())) != 2:
            raise UserError(f"{prefix}{name} must be a matrix, not {shapes.get(name, 'missing')}")
    rows, hidden = shapes["weight_hh_l0"]
    if not hidden or rows % hidden or rows // hidden not in CELL_OF:
        raise UserError(
            f"{prefix}weight_hh_l0 is {(rows, hidden)}: it must be (H, H) of an RNN, (3 H, H) of a GRU or (4 H, H) of "
            "an LSTM"
        )
    places = [PLACE.fullmatch(name.removeprefix("weight_hh")) for name in shapes if name.startswith("weight_hh")]
    found = Architecture(
        prefix,
        CELL_OF[rows // hidden],
        shapes["weight_ih_l0"][1],
        hidden,
        num_layers=1 + max(int(place[1]) for place in places if place),
        bidirectional=any(place[2] for place in places if place),
        biased=any(name.startswith("bias") for name in shapes),
    )
    _require_consistent(found, shapes)
    return found


def _require_consistent(found: Architecture, shapes: Mapping[str, Shape]) -> None:
    """Raise UserError for the first name that is missing, or whose shape is not that of these layers."""
    rows = GATES[found.cell] * found.hidden_size
    wanted = dict[str, Shape]()
    for layer in range(found.num_layers):
        for end in ("", "_reverse")[: 1 + found.bidirectional]:
            wanted[f"weight_ih_l{layer}{end}"] = (rows, found.output_size if layer else found.input_size)
            wanted[f"weight_hh_l{layer}{end}"] = (rows, found.hidden_size)
            if found.biased:
                wanted |= {f"{kind}_l{layer}{end}": (rows,) for kind in ("bias_ih", "bias_hh")}
    for name, shape in wanted.items():
        if name not in shapes:
            raise UserError(f"{found.prefix}{name} is missing beside {found.prefix}{next(iter(shapes))}")
        if shapes[name] != shape:
            what = f"{found.cell} of {found.hidden_size} units"
            raise UserError(f"{found.prefix}{name} is {shapes[name]}, but by weight_hh_l0 ({what}) must be {shape}")
    if extra := [name for name in shapes if name not in wanted]:
        raise UserError(f"{found.prefix}{extra[0]} is unexpected beside {found.prefix}{next(iter(wanted))}")
