"""Matrix products, of matrices (rows, columns) or of stacks of them (S, rows, columns).

On the CPU PyTorch multiplies float32 matrices with MKL; oneDNN is reached only by `torch.ops.mkldnn._linear_pointwise`.
If the product is large enough, oneDNN is faster for a matrix that is packed once for many products, and with AVX-512
for every product. On Intel's processors, however, MKL is as fast, except for few rows.
"""

from collections.abc import Callable

import torch
from gradsuite.machine.facts import cpu_model
from torch import Tensor

ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")  # type: ignore[no-untyped-call]
INTEL = "Intel" in cpu_model()
MKL_LAGS = torch.backends.cpu.get_cpu_capability() == "AVX512" and not INTEL
LARGE = 2**21  # fewest multiplications in a product for which oneDNN's fixed cost of about 20 us pays
FEW = 32  # most rows for which packing pays on Intel: 512 units, 4 gates and 20 rows take 235 us, packed 205


class Factor:
    """A matrix m (K, N), packed once for the products with many arrays of rows."""

    def __init__(self, m: Tensor, rows: int) -> None:
        """Prepare for products with arrays of `rows` rows."""
        self.m = m
        self.packed = torch.ops.mkldnn._reorder_linear_weight(m.mT, rows) if _packs(m, rows) else None

    def product(self, out: Tensor, a: Tensor) -> Tensor:
        """Set out = a m."""
        if self.packed is None:
            return torch.matmul(a, self.m, out=out)
        return out.copy_(_linear(a, self.packed))

    def add_product(self, out: Tensor, a: Tensor) -> Tensor:
        """Set out = out + a m."""
        if self.packed is not None:
            return out.add_(_linear(a, self.packed))
        return out.addmm_(a, self.m) if out.dim() == 2 else out.baddbmm_(a, self.m)


def product(a: Tensor, m: Tensor, out: Tensor | None = None) -> Tensor:
    """Return a m (R, N) from a (R, K) and m (K, N), in `out` if it is given."""
    if not (MKL_LAGS and _by_onednn(m, len(a))):
        return torch.matmul(a, m, out=out)
    result = _linear(a, m.mT)
    return result if out is None else out.copy_(result)


def affine(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor | None = None) -> Tensor:
    """Return x weight^T + bias (R, N) from x (R, K), in `out` if it is given.

    For a stack of weights the result is (S, R, N), and x is shared or (S, R, K).
    """
    if weight.dim() == 3:
        return torch.baddbmm(bias.unsqueeze(-2), x.expand(len(weight), -1, -1), weight.mT, out=out)
    if not (MKL_LAGS and _by_onednn(weight, len(x))):
        return torch.addmm(bias, x, weight.mT, out=out)
    result = _linear(x, weight, bias)
    return result if out is None else out.copy_(result)


def weight_gradient(dz: Tensor, x: Tensor) -> Tensor:
    """Return dz^T x (N, K), the gradient of the weight that maps x (R, K) to z (R, N); a stack if one of them is."""
    return torch.matmul(dz.mT, x)


def add_weight_gradient(out: Tensor, dz: Tensor, x: Tensor, *, first: bool) -> None:
    """Add dz^T x (N, K) to out, or set out to it if it is the `first`, whatever out holds."""
    beta = 0 if first else 1  # with 0, PyTorch promises not to read out
    if out.dim() == 2:
        out.addmm_(dz.mT, x, beta=beta)
    else:
        out.baddbmm_(dz.mT, x.expand(len(out), -1, -1), beta=beta)


def libraries(a: Tensor, m: Tensor, times: int) -> list[Callable[[], object]]:
    """Return calls that compute a m `times` times: by PyTorch's default, and by oneDNN where it is available."""
    out = a.new_empty(len(a), m.shape[1])

    def by_default() -> None:
        for _ in range(times):
            torch.mm(a, m, out=out)
        wait(a)

    def by_onednn() -> None:
        weight = m.mT if times == 1 else torch.ops.mkldnn._reorder_linear_weight(m.mT, len(a))
        for _ in range(times):
            _linear(a, weight)

    return [by_default, by_onednn] if ONEDNN and a.is_cpu and a.dtype == torch.float32 else [by_default]


def wait(a: Tensor) -> None:
    """Wait until the device of a tensor is idle."""
    if a.is_cuda:
        torch.cuda.synchronize()


def _by_onednn(m: Tensor, rows: int) -> bool:
    return ONEDNN and m.dim() == 2 and m.dtype == torch.float32 and m.is_cpu and rows * m.numel() >= LARGE


def _packs(m: Tensor, rows: int) -> bool:
    """Whether packing m pays; if m has to be transposed for it, packing costs as much as thirty products."""
    return _by_onednn(m, rows) and (not INTEL or (rows <= FEW and m.mT.is_contiguous()))


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, "none", [], "")
