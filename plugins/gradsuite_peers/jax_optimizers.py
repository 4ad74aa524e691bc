"""The host's optimizers as Optax's chains of transformations: what a training loop in JAX would use."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, Optimizer, RMSprop, Slots

Arrays = Mapping[str, jax.Array]


def of_sgd(rule: SGD) -> optax.GradientTransformation:
    """Return p - lr (g + weight_decay p)."""
    return optax.chain(optax.add_decayed_weights(rule.weight_decay), optax.scale(-rule.lr))


def of_momentum(rule: Momentum) -> optax.GradientTransformation:
    """Return the same with the velocity, or Nesterov's, for g."""
    velocity = optax.trace(rule.momentum, rule.nesterov)
    return optax.chain(optax.add_decayed_weights(rule.weight_decay), velocity, optax.scale(-rule.lr))


def of_adam(rule: Adam) -> optax.GradientTransformation:
    """Return Adam with weight decay added to the gradient."""
    return optax.chain(
        optax.add_decayed_weights(rule.weight_decay), optax.adam(rule.lr, rule.beta1, rule.beta2, rule.eps)
    )


def of_adamw(rule: AdamW) -> optax.GradientTransformation:
    """Return Adam with weight decay of its own."""
    return optax.adamw(rule.lr, rule.beta1, rule.beta2, rule.eps, weight_decay=rule.weight_decay)


def of_rmsprop(rule: RMSprop) -> optax.GradientTransformation:
    """Return RMSprop with the rate after the velocity, as PyTorch has it: optax.rmsprop has it before."""
    scale = optax.scale_by_stddev if rule.centered else optax.scale_by_rms
    return optax.chain(
        optax.add_decayed_weights(rule.weight_decay),
        scale(rule.alpha, rule.eps, eps_in_sqrt=rule.eps_in_sqrt),
        optax.trace(rule.momentum) if rule.momentum > 0 else optax.identity(),
        optax.scale(-rule.lr),
    )


# Optax's chain, and its names for the running averages in the host's order.
Kind = tuple[Callable[[Any], optax.GradientTransformation], Callable[[Any], tuple[str, ...]]]
KINDS: dict[type[Optimizer], Kind] = {
    SGD: (of_sgd, lambda _: ()),
    Momentum: (of_momentum, lambda _: ("trace",)),
    Adam: (of_adam, lambda _: ("mu", "nu")),
    AdamW: (of_adamw, lambda _: ("mu", "nu")),
    RMSprop: (of_rmsprop, lambda rule: rule.averages("nu", "mu", "trace")),
}


def is_optaxs(rule: Optimizer) -> bool:
    """Return whether Optax has this rule."""
    return type(rule) in KINDS


def apply(rule: Optimizer, lr: jax.Array, parameters: Arrays, gradients: Arrays, slots: Slots) -> tuple[Arrays, Slots]:
    """Return the next parameters and slots, by Optax at the rate `lr`, whatever the rule's own; to be compiled.

    Clipping is the host's, for Optax clips to a norm without PyTorch's 1e-6 (docs/optimizers-and-clipping.md).
    """
    make, averages_of = KINDS[type(rule)]
    names, chain, (steps, averages) = averages_of(rule), make(rule.with_lr(lr)), slots
    by_kind = {kind: {name: averages[name][place] for name in parameters} for place, kind in enumerate(names)}
    count = {"count": steps} if isinstance(rule, Adam) else {}
    state = optax.tree_utils.tree_set(chain.init(parameters), **count, **by_kind)
    updates, state = chain.update(rule.clip(parameters, gradients), state, parameters)
    following = [optax.tree_utils.tree_get(state, kind) for kind in names]
    return optax.apply_updates(parameters, updates), (
        steps + 1,
        {name: (*(kept[name] for kept in following), *averages[name][len(names) :]) for name in parameters},
    )
