"""Linear recurrences h_t = a_t h_(t-1) + b_t over all steps, with the backward pass by hand: a scan in reverse.

What it computes are the state gradients G_t = dL/dh_t + conj(a_(t+1)) G_(t+1); dL/db_t is G_t and dL/da_t is
G_t conj(h_(t-1)). Kept are a and h. Time is the first axis here.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isqrt
from typing import Any

import torch
from torch import Tensor

Parts = tuple[Tensor, ...]  # a real array, or the real and the imaginary part of a complex one
Kernel = Callable[..., Tensor]
WIDE = {torch.bfloat16: torch.float32, torch.float16: torch.float32}


# Which scan is faster: seconds of a serial one over those of a parallel one, forward and back in float32, over T and
# N numbers a step (processor time of one thread, the least of nine interleaved calls; torch 2.13 on a shared machine):
#
#   N       T = 16     32     64    256  1,024  4,096  16,384  65,536
#   64                                           13.1            48.0
#   512      0.67   0.78   1.37   3.00   3.06    5.01             2.82
#   1,024                                                 3.01
#   2,048                                        1.82     1.17
#   4,096                                 1.20   0.51
#   16,384                                0.37
#
# A serial scan waits for Python at every step, a parallel one 2 sqrt(T) times; it reads and writes memory four times as
# often. On a GPU each step starts a kernel, too.
FEW_NUMBERS = 2048
MANY_STEPS = 64


def fastest(steps: int, numbers: int, device: str = "cpu") -> str:
    """Return the scan that is the fastest for so many steps, of so many numbers each."""
    return "parallel" if steps >= MANY_STEPS and (numbers <= FEW_NUMBERS or device != "cpu") else "serial"


def states(a: Parts, b: Parts, start: Parts, kind: str) -> Parts:
    """Return h_1 to h_T, by their parts, as b (T, ..., H); a broadcasts to it, axis by axis; `start` is h_0 (..., H).

    Half types are computed in float32: a sum over thousands of steps would keep nothing of what is added.
    """
    dtype = b[0].dtype
    wide = WIDE.get(dtype, dtype)
    h: Parts = Scan.apply(kind, len(b), *(part.to(wide) for part in (*a, *b, *start)))  # type: ignore[no-untyped-call]
    return tuple(part.to(dtype) for part in h)


class Scan(torch.autograd.Function):
    """The states of all steps, and their gradients."""

    @staticmethod
    def forward(ctx: Any, kind: str, parts: int, *arrays: Tensor) -> Parts:
        """Return the parts of h, given those of a, b and the start."""
        a, b, start = (joined(arrays[k * parts : (k + 1) * parts]) for k in range(3))
        h = KERNELS[kind](a, b, start, torch.empty_like(b, memory_format=torch.contiguous_format))
        ctx.kind = kind
        ctx.save_for_backward(a, h, start)
        return separated(h)

    @staticmethod
    def backward(ctx: Any, *direct: Tensor) -> tuple[Any, ...]:
        """Return the gradients by the parts of a, b and the start."""
        a, h, start = ctx.saved_tensors
        total, of_start = state_gradients(KERNELS[ctx.kind], a, joined(direct))
        of_a = gradient_by_a(total, h, start).sum_to_size(a.shape)
        return None, None, *separated(of_a), *separated(total), *separated(of_start)


def state_gradients(kernel: Kernel, a: Tensor, direct: Tensor) -> tuple[Tensor, Tensor]:
    """Return G_1 to G_T and G_0, of gradients that reach each state other than through the next one."""
    a = conjugate(a)
    total = torch.empty_like(direct, memory_format=torch.contiguous_format)
    total[-1] = direct[-1]
    kernel(a[1:] if len(a) > 1 else a, direct[:-1], direct[-1], total[:-1], reverse=True)
    return total, a[0] * total[0]


def gradient_by_a(total: Tensor, h: Tensor, start: Tensor) -> Tensor:
    """Return dL/da_t = G_t conj(h_(t-1)) of every step."""
    of_a = torch.empty_like(total)
    torch.mul(total[1:], conjugate(h[:-1]), out=of_a[1:])
    torch.mul(total[0], conjugate(start), out=of_a[0])
    return of_a


def serial(a: Tensor, b: Tensor, start: Tensor, out: Tensor, *, reverse: bool = False) -> Tensor:
    """Fill `out` with all states, one step after another, and return it; backwards in time if `reverse`."""
    h, each, new, filled = start, a.unbind(), b.unbind(), out.unbind()
    for t in walk(len(b), reverse=reverse):
        h = torch.addcmul(new[t], each[t if len(each) > 1 else 0], h, out=filled[t])
    return out


def parallel(a: Tensor, b: Tensor, start: Tensor, out: Tensor, *, reverse: bool = False) -> Tensor:
    """Fill `out` by blocks of sqrt(T) steps, all of them side by side, each from a state of zero; and return it.

    Then what reaches each block from the one before is added: its last state, times the product of a up to each step.
    Steps that fill no block are the last of the walk.
    """
    steps = len(b)
    size = isqrt(steps)
    count = steps // size if size else 0
    if count < 2:
        return serial(a, b, start, out, reverse=reverse)
    rest = steps - count * size
    whole, left = (slice(rest, None), slice(rest)) if reverse else (slice(count * size), slice(count * size, None))
    varies = len(a) > 1
    h, new = (array[whole].view(count, size, *array.shape[1:]).unbind(1) for array in (out, b))
    each = a[whole].view(count, size, *a.shape[1:]).unbind(1) if varies else (a,) * size
    products = a.new_empty(count if varies else 1, size, *a.shape[1:])
    product = products.unbind(1)
    first, *others = walk(size, reverse=reverse)
    h[first].copy_(new[first])
    product[first].copy_(each[first])
    before = first
    for t in others:
        torch.addcmul(new[t], each[t], h[before], out=h[t])
        torch.mul(each[t], product[before], out=product[t])
        before = t
    blocks = out[whole].view(count, size, *out.shape[1:])
    carry = start
    for block in walk(count, reverse=reverse):
        blocks[block].addcmul_(products[block if varies else 0], carry)
        carry = blocks[block, before]
    if rest:
        serial(a[left] if varies else a, b[left], carry, out[left], reverse=reverse)
    return out


KERNELS: Mapping[str, Kernel] = {"serial": serial, "parallel": parallel}


def walk(steps: int, *, reverse: bool) -> range:
    """Return the steps in the order in which they are computed."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Return the real array, or the complex one."""
    return torch.complex(*parts) if len(parts) > 1 else parts[0]


def separated(array: Tensor) -> Parts:
    """Return the parts of an array."""
    return torch.view_as_real(array).unbind(-1) if array.is_complex() else (array,)


def conjugate(array: Tensor) -> Tensor:
    """Return the conjugate of an array as numbers, not as a mark on it."""
    return array.conj().resolve_conj() if array.is_complex() else array
