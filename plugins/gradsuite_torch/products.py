"""Matrix products of matrices (rows, columns), or of stacks of them (S, rows, columns)."""

import torch
from torch import Tensor


def product(out: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Set out = a b."""
    return torch.matmul(a, b, out=out)


def add_product(out: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Set out = out + a b."""
    return out.addmm_(a, b) if out.dim() == 2 else out.baddbmm_(a, b)


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x weight^T + bias, rows (R, N) from x (R, K); with a stack of weights (S, R, N), x shared or (S, R, K)."""
    if weight.dim() == 2:
        return torch.addmm(bias, x, weight.mT)
    return torch.baddbmm(bias.unsqueeze(-2), x.expand(len(weight), -1, -1), weight.mT)


def weight_gradient(dz: Tensor, x: Tensor) -> Tensor:
    """Return dz^T x (N, K), the gradient of the weight that maps x (R, K) to z (R, N); a stack where one of them is."""
    return torch.matmul(dz.mT, x)
