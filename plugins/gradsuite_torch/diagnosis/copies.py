"""A copy of somebody's module to work on, and the random numbers that they go on with."""

import random
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from gradsuite.errors import UserError, one_line
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree as tree

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def copy_of(module: nn.Module) -> nn.Module:
    """Return a copy that shares nothing with the module, on its device, and all of whose parameters want gradients.

    Hooks of its owner's stay behind, those of torch's own (as of weight normalisation) come along. A tensor that a
    module keeps from its last call, as a state that is carried on, is copied without its history. Dropout between the
    layers of a recurrent module is turned off: its masks cannot be seen. Raises UserError if it cannot be copied.
    """
    memo: dict[int, Any] = {}
    for one in module.modules():
        for name in HOOKS:
            hooks = vars(one).get(name, {})
            memo[id(hooks)] = OrderedDict((key, hook) for key, hook in hooks.items() if _is_torchs(hook))
        kept = {name: value for name, value in vars(one).items() if name not in ("_parameters", "_modules", *HOOKS)}
        for tensor in tree.tree_leaves(kept):
            if isinstance(tensor, Tensor) and tensor.grad_fn is not None:
                memo[id(tensor)] = tensor.detach().clone()
    try:
        copied = deepcopy(module, memo)
    except Exception as error:
        raise UserError(f"{type(module).__name__} cannot be copied: {one_line(error)[:200]}") from error
    for parameter in copied.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    for one in copied.modules():
        if isinstance(one, nn.RNNBase):
            one.dropout = 0.0
            one.train()  # cuDNN goes back through no other; without dropout it makes no difference
            one.flatten_parameters()
    return copied


def in_float64(module: nn.Module) -> nn.Module:
    """Turn all numbers of a copied module into float64, those that it keeps as attributes too; return it."""
    module.double()
    for one in module.modules():
        if isinstance(one, nn.RNNBase):
            one.flatten_parameters()
        for name, value in vars(one).items():
            if not name.startswith("_") and any(isinstance(leaf, Tensor) for leaf in tree.tree_leaves(value)):
                vars(one)[name] = precise(value)
    return module


def precise(batch: Any) -> Any:
    """Return a batch with float64 in place of every other floating-point dtype."""

    def cast(leaf: Any) -> Any:
        if isinstance(leaf, PackedSequence) or (isinstance(leaf, Tensor) and leaf.is_floating_point()):
            return leaf.double()
        return leaf

    return tree.tree_map(cast, batch, is_leaf=_is_packed)


def tensors(nested: Any) -> list[tuple[str, Tensor]]:
    """Return the tensors in whatever a module takes or returns, each by where it stands: "[0]", "['x']"."""
    found = []
    for path, leaf in tree.tree_flatten_with_path(nested, is_leaf=_is_packed)[0]:
        value = leaf.data if isinstance(leaf, PackedSequence) else leaf
        if isinstance(value, Tensor):
            found.append((tree.keystr(path), value))
    if not found and hasattr(nested, "__dict__"):  # an output that is an object of attributes
        found = [(name, value) for name, value in vars(nested).items() if isinstance(value, Tensor)]
    return found


@contextmanager
def random_numbers_kept(device: torch.device) -> Iterator[None]:
    """Leave the generators of torch, NumPy and Python in the end as they were."""
    others = random.getstate(), np.random.get_state()  # noqa: NPY002  the one that modules use
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(others[0])
            np.random.set_state(others[1])  # noqa: NPY002


def device_of(module: nn.Module) -> torch.device:
    """Return where a module's parameters are."""
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))


def _is_torchs(hook: Any) -> bool:
    return (getattr(hook, "__module__", None) or type(hook).__module__).partition(".")[0] == "torch"


def _is_packed(value: Any) -> bool:
    return isinstance(value, PackedSequence)
