"""Cells: one a file, each the parameters and states of a layer and one step as equations."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.gated import weights
from gradsuite.cells.gru import GRU
from gradsuite.cells.linear import Linear
from gradsuite.cells.lstm import LSTM
from gradsuite.cells.mlp import MLP
from gradsuite.cells.namespace import Namespace
from gradsuite.cells.parameter import Parameter, Shape
from gradsuite.cells.rnn import RNN
from gradsuite.hookspecs import Register, hookimpl
from gradsuite.hosting.points import disabled

if TYPE_CHECKING:
    from gradsuite.plugins import Plugins

__all__ = [
    "CLASSIC",
    "Array",
    "Cell",
    "Linear",
    "Namespace",
    "Parameter",
    "Shape",
    "State",
    "find",
    "installed",
    "weights",
]

# The cells that textbooks and every framework have, which backends write by hand.
CLASSIC: Mapping[str, Cell] = MappingProxyType({cell.name: cell for cell in (MLP(), RNN(), LSTM(), GRU())})


@hookimpl
def register_cells(register: Register) -> None:
    """Register the built-in cells."""
    register("mlp", "gradsuite.cells.mlp:MLP")
    register("rnn", "gradsuite.cells.rnn:RNN")
    register("lstm", "gradsuite.cells.lstm:LSTM")
    register("gru", "gradsuite.cells.gru:GRU")
    register("peephole", "gradsuite.cells.peephole:Peephole")
    register("coupled", "gradsuite.cells.coupled:Coupled")
    register("ln-rnn", "gradsuite.cells.normalised:NormalisedRNN")
    register("ln-lstm", "gradsuite.cells.normalised:NormalisedLSTM")
    register("residual", "gradsuite.cells.residual:Residual")
    register("mingru", "gradsuite.cells.minimal:MinGRU")
    register("minlstm", "gradsuite.cells.minimal:MinLSTM")
    register("lru", "gradsuite.cells.lru:LRU")


def find(name: str) -> Cell:
    """Return the cell of this name. Raises UserError: the nearest name, or why the cell cannot be loaded."""
    if name not in CLASSIC and name not in installed():
        _plugins(frozenset(disabled())).get("cell", name)
    return CLASSIC.get(name) or installed()[name]


def installed() -> Mapping[str, Cell]:
    """Return all cells that installed plugins register, but for those that are blocked."""
    return _installed(frozenset(disabled()))


@cache
def _installed(blocked: frozenset[str]) -> Mapping[str, Cell]:
    """Return the cells of the plugins that are not blocked: they do not change while a process lives."""
    classes: list[type[Cell]] = _plugins(blocked).get_all("cell")
    return {cell.name: cell() for cell in classes}


@cache
def _plugins(blocked: frozenset[str]) -> "Plugins":
    from gradsuite.plugins import load

    return load(blocked, kinds=["cell"])
