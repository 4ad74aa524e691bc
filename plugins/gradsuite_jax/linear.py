"""Layers that are linear in their state: all but the states is computed for many steps at once."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.cells import Linear, State
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import padding, recurrence
from gradsuite_jax.equations import plain
from gradsuite_jax.segments import join, pieces
from gradsuite_jax.stretch import Stretch

Array = jax.Array
Nudges = Mapping[str, Array]

# Numbers of a state in a stretch of a serial scan: half a megabyte in float32. What a stretch makes stays in a core's
# cache, and is made again on the way back, which takes less time than to write it and read it. A gradient of `lru` over
# T=4,096 in ms, float32, on two cores (medians of nine, jaxlib 0.10), and all steps as one:
#
#   numbers in a stretch           65,536  131,072  262,144   all
#   B=8, H=64, the last step read      38       31       33    45
#   B=8, H=64, every step read         72       60       61    62
#   B=32, H=128, the last step        261      196      197   433
#   B=32, H=128, every step           641      561      539   583
NUMBERS = 131_072


def scan(
    kind: str, model: Model, cell: Linear, p: Any, read: Stretch, nudges: Nudges, start: State, *, last: bool
) -> tuple[Array, State]:
    """Return one layer's outputs, of all steps or of each sequence's last, and its last states.

    Past its length a sequence's states stay as they are: a is 1 and b is 0. A state gradient is the derivative by b,
    which is all that is added to a state.
    """

    def run(state: State, now: tuple[Stretch, Nudges]) -> tuple[State, Array | None]:
        stretch, nudge = now
        h = states(kind, model, cell, p, stretch, nudge, state)
        out = None if last else cell.output(plain(model, p, stretch.x), p, stretch.x, *narrowed(h, stretch.x))
        return tuple(part[-1] for part in h), out

    read = read._replace(masks=None)  # of what a layer puts out, later
    end: State = recurrence.wide(start)
    if kind == "serial" and (steps := max(1, NUMBERS // start[0].size)) < len(read.x):
        outputs = []
        for now in zip(read.pieces(steps), in_pieces(nudges, steps), strict=True):
            end, out = lax.scan(jax.checkpoint(run), end, now)
            outputs.append(out)
        out = None if last else join(outputs)
    else:
        end, out = run(end, (read, nudges))
    end = narrowed(end, read.x)
    if last:
        x = read.last(read.x)
        out = cell.output(plain(model, p, x), p, x, *end)
    return out, end


def states(
    kind: str, model: Model, cell: Linear, p: Any, read: Stretch, nudges: Nudges, start: State
) -> tuple[Array, ...]:
    """Return the states of all steps (T, B, H), in float32 at least."""
    a, b = cell.coefficients(plain(model, p, read.x), p, read.x)
    b = tuple(jnp.broadcast_to(part, nudges[k].shape) + nudges[k] for k, part in zip(cell.states, b, strict=True))
    if (valid := read.valid) is not None:
        a = padding.chosen(valid, [jnp.broadcast_to(part, b[0].shape) for part in a], (1, 0)[: len(a)])
        b = padding.chosen(valid, b, (0,) * len(b))
    return recurrence.states(a, b, start, kind)


def in_pieces(nudges: Nudges, n: int) -> list[Nudges]:
    """Return the nudges cut as a stretch is by its `pieces`."""
    cut = {name: pieces(nudge, n) for name, nudge in nudges.items()}
    return [dict(zip(cut, parts, strict=True)) for parts in zip(*cut.values(), strict=True)]


def narrowed(parts: State, like: Array) -> State:
    """Return the parts in the type of another array."""
    return tuple(part.astype(like.dtype) for part in parts)
