"""Optimizers and clipping against torch.optim and torch.nn.utils, step by step."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gradsuite.clipping import clip_by_global_norm, clip_by_value  # noqa: E402  after the skip
from gradsuite.optimizers import optimizer  # noqa: E402

# Our settings, and torch's class and settings for the same rule.
PAIRS = {
    "sgd": ({"lr": 0.05}, torch.optim.SGD, {}),
    "sgd-decay": ({"lr": 0.05, "weight_decay": 0.1}, torch.optim.SGD, {}),
    "momentum": ({"lr": 0.05, "momentum": 0.8}, torch.optim.SGD, {}),
    "momentum-decay": ({"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1}, torch.optim.SGD, {}),
    "momentum-nesterov": ({"lr": 0.05, "momentum": 0.8, "nesterov": True}, torch.optim.SGD, {}),
    "adam": ({"lr": 0.05}, torch.optim.Adam, {}),
    "adam-decay": ({"lr": 0.05, "weight_decay": 0.1, "eps": 1e-4}, torch.optim.Adam, {}),
    "adam-betas": ({"lr": 0.05, "beta1": 0.7, "beta2": 0.95}, torch.optim.Adam, {"betas": (0.7, 0.95)}),
    "adamw": ({"lr": 0.05, "weight_decay": 0.1}, torch.optim.AdamW, {}),
    "adamw-default": ({"lr": 0.05}, torch.optim.AdamW, {}),
    "nesterov": ({"lr": 0.05}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": ({"lr": 0.05}, torch.optim.RMSprop, {}),
    "rmsprop-decay": ({"lr": 0.05, "weight_decay": 0.1, "alpha": 0.9, "eps": 1e-4}, torch.optim.RMSprop, {}),
    "rmsprop-momentum": ({"lr": 0.05, "momentum": 0.8}, torch.optim.RMSprop, {}),
    "rmsprop-centered": ({"lr": 0.05, "centered": True}, torch.optim.RMSprop, {}),
    "rmsprop-all": ({"lr": 0.05, "momentum": 0.8, "centered": True, "eps": 0.01}, torch.optim.RMSprop, {}),
}
STEPS = 50


def twin(kind, settings, extra, tensors):
    return kind(tensors, **{name: value for name, value in settings.items() if not name.startswith("beta")}, **extra)


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("pair", PAIRS)
def test_every_step_is_torchs(pair, clip):
    settings, kind, extra = PAIRS[pair]
    rng = np.random.default_rng(0)
    parameters = {"w": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    tensors = [torch.tensor(p, requires_grad=True) for p in parameters.values()]
    theirs = twin(kind, settings, extra, tensors)
    ours, slots = optimizer(pair.split("-")[0], **settings, clip_norm=clip), None
    for _ in range(STEPS):
        gradients = {name: rng.standard_normal(p.shape) for name, p in parameters.items()}
        parameters, slots = ours.apply(parameters, gradients, slots)
        for tensor, g in zip(tensors, gradients.values(), strict=True):
            tensor.grad = torch.tensor(g)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(tensors, clip)
        theirs.step()
        for p, tensor in zip(parameters.values(), tensors, strict=True):
            # Both round differently by an eps or so of |p| + lr each step, and 1 - 0.999^t costs Adam 1e3 eps at first.
            np.testing.assert_allclose(p, tensor.detach().numpy(), rtol=0, atol=1e3 * STEPS * 2.0**-52)


@pytest.mark.parametrize("pair", PAIRS)
def test_torch_tensors_go_through_the_same_rules(pair):
    settings, *_ = PAIRS[pair]
    rule = optimizer(pair.split("-")[0], **settings, clip_norm=0.5, clip_unit=0.3, clip_value=0.2)
    arrays = {"w": np.linspace(-1.0, 1.0, 12).reshape(3, 4), "b": np.array([2.0])}
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    ours, theirs, slots, torch_slots = arrays, tensors, None, None
    for _ in range(3):
        ours, slots = rule.apply(ours, arrays, slots)
        theirs, torch_slots = rule.apply(theirs, tensors, torch_slots)
    for name, array in ours.items():
        assert theirs[name].dtype == torch.float64
        np.testing.assert_allclose(theirs[name].numpy(), array, rtol=1e-13)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e3, 1e30])
@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e5])
def test_clipping_by_norm_is_torchs(scale, limit):
    rng = np.random.default_rng(1)
    gradients = {"w": scale * rng.standard_normal((3, 2)), "b": scale * rng.standard_normal(5)}
    tensors = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in gradients.values()]
    for tensor, g in zip(tensors, gradients.values(), strict=True):
        tensor.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_(tensors, limit)
    for ours, tensor in zip(clip_by_global_norm(gradients, limit).values(), tensors, strict=True):
        np.testing.assert_allclose(ours, tensor.grad.numpy(), rtol=8 * 2.0**-52)


@pytest.mark.parametrize("gradient", [[np.inf, 1.0], [-np.inf, 0.0], [np.nan, 1.0]])
def test_what_is_not_finite_is_clipped_as_torch_does(gradient):
    tensor = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    tensor.grad = torch.tensor(gradient, dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([tensor], 1.0)
    with np.errstate(invalid="ignore"):
        ours = clip_by_global_norm({"p": np.array(gradient)}, 1.0)["p"]
    np.testing.assert_array_equal(ours, tensor.grad.numpy())


def test_clipping_by_value_is_torchs():
    gradient = np.array([-2.0, -0.1, 0.0, 0.3, np.inf, np.nan])
    tensor = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    tensor.grad = torch.tensor(gradient)
    torch.nn.utils.clip_grad_value_([tensor], 0.25)
    np.testing.assert_array_equal(clip_by_value({"p": gradient}, 0.25)["p"], tensor.grad.numpy())
