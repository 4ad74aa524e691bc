"""A backend that differentiates any cell's equations, right but slow, by the complex step; and its mutants."""

from dataclasses import replace
from types import MappingProxyType
from unittest.mock import patch

import numpy as np
from gradsuite.backend import OPTIONAL, Backend, BackendInfo, Batch, Gradients, Tape
from gradsuite.cells import Cell, installed
from gradsuite.cells.coupled import Coupled
from gradsuite.cells.lru import LRU
from gradsuite.cells.minimal import MinLSTM
from gradsuite.cells.mlp import MLP
from gradsuite.cells.normalised import EPSILON, NormalisedLSTM
from gradsuite.cells.peephole import Peephole
from gradsuite.oracle import differentiate
from gradsuite.schedule import Schedule

from tests.mutants.answered import Answered

MUTANTS: dict[str, tuple[type[Backend], str]] = {}


class Differentiated(Answered):
    """A network, or a stack, whose answers are the oracle's; `wrong` stands in the place of the cell of its name."""

    wrong: Cell | None = None

    def understood(self, model):
        return model

    def order(self, answers):
        return answers

    def finish(self, answer, parameters, batch):
        return answer

    def answer(self, parameters, batch):
        cells = {**installed()} | ({self.wrong.name: self.wrong} if self.wrong else {})
        with patch("gradsuite.cells.installed", lambda: MappingProxyType(cells)):
            answer = differentiate(self.understood(self.model), parameters, self.read(batch))
            return self.finish(answer, parameters, batch)

    def forward(self, batch, *, states=False):
        if not self.stacked:
            answer = self.answer(self.parameters, batch)
            last = answer.last_state or None
            return Tape(answer.loss, answer.outputs, ([answer], states), last_state=last)
        members = range(len(next(iter(self.parameters.values()))))
        each = [
            self.answer({name: p[s] for name, p in self.parameters.items()}, Batch(batch.inputs[s], batch.targets[s]))
            for s in members
        ]
        each = self.order(each)
        return Tape(np.stack([a.loss for a in each]), np.stack([a.outputs for a in each]), (each, states))

    def backward(self, tape):
        answers, states = tape.saved

        def together(arrays):
            return np.stack(arrays) if self.stacked else arrays[0]

        parameters = {name: together([a.parameters[name] for a in answers]) for name in answers[0].parameters}
        initial = answers[0].initial_state or None
        if not states:
            return Gradients(parameters, initial_state=initial)
        of_c = None if answers[0].cell_states is None else together([a.cell_states for a in answers])
        return Gradients(parameters, together([a.states for a in answers]), of_c, initial_state=initial)


class DifferentiatedBackend(Backend):
    """Any registered cell in float64."""

    name = "differentiated"
    network = Differentiated

    def describe(self):
        features = ("stack", *OPTIONAL, "bidirectional", "autodiff")
        return BackendInfo(self.name, {"numpy": np.__version__}, ("cpu",), ("float64",), (), features=features)

    def build(self, model, parameters, *, device="cpu", dtype="float64", schedule=Schedule()):
        self.require(model, parameters, device, dtype, schedule)
        return self.network(model, parameters, device=device, dtype=dtype)


def mutant(name: str, caught_by: str, **attributes):
    """Add a mutant whose network has these attributes instead of the right ones."""
    wrong = type("Wrong", (Differentiated,), attributes)
    MUTANTS[name] = (type("WrongBackend", (DifferentiatedBackend,), {"network": wrong}), caught_by)


def cell(base, **methods):
    """Return a cell of the same name with another method."""
    return type("Wrong", (base,), methods)()


def detached(self, answer, parameters, batch):
    """State gradients through outputs and layers above, but not through later steps."""
    return replace(answer, states=differentiate(self.model, parameters, batch, truncation=(1, 1)).states)


def changed(parameter, factor):
    """Return a finish that scales the gradient by one parameter."""

    def finish(self, answer, parameters, batch):
        return replace(answer, parameters={**answer.parameters, parameter: factor * answer.parameters[parameter]})

    return finish


def old_peephole(self, xp, p, x, h, c):
    """The output gate sees the cell state before the step."""
    i, f, g, o = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh), 4)
    to_i, to_f, to_o = xp.gates(p.weight_ch, 3)
    new = xp.state("c", xp.sigmoid(f + to_f * c) * c + xp.sigmoid(i + to_i * c) * xp.tanh(g))
    return xp.state("h", xp.sigmoid(o + to_o * c) * xp.tanh(new)), new


def conjugate(self, xp, p, x, re, im):
    """Phases of the other sign."""
    modulus, angle, gamma = xp.exp(-xp.exp(p.nu_log)), -xp.exp(p.theta_log), xp.exp(p.gamma_log)
    a, b = modulus * xp.cos(angle), modulus * xp.sin(angle)
    return (
        xp.state("h", a * re - b * im + gamma * xp.linear(x, p.B_re)),
        xp.state("c", b * re + a * im + gamma * xp.linear(x, p.B_im)),
    )


def unnormalised(self, xp, p, x, h):
    """Gates that are not divided by their sum."""
    f, i, n = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih), 3)
    return (xp.state("h", xp.sigmoid(f) * h + xp.sigmoid(i) * n),)


def sample_variance(xp, a, gain):
    """A variance over one degree of freedom less, as statistics packages have it."""
    centred = a - xp.mean(a, axis=-1, keepdims=True)
    variance = xp.sum(centred * centred, axis=-1, keepdims=True) / (a.shape[-1] - 1)
    return gain * centred / xp.sqrt(variance + EPSILON)


def of_sample(self, xp, p, x, h, c):
    with patch("gradsuite.cells.normalised.layer_norm", sample_variance):
        return NormalisedLSTM().step(xp, p, x, h, c)


mutant("states-detached", "gradients-lru", finish=detached)
mutant("phase-of-the-other-sign", "gradients-lru", wrong=cell(LRU, step=conjugate))
mutant("one-bias-scaled", "gradients-mingru", finish=changed("bias_ih_l0", 1 + 1e-11))
mutant("gates-not-normalised", "gradients-minlstm", wrong=cell(MinLSTM, step=unnormalised))
mutant(
    "inputs-of-the-step-before", "gradients-minlstm", read=lambda self, b: replace(b, inputs=np.roll(b.inputs, 1, 0))
)
mutant("gain-without-gradient", "gradients-ln-rnn", finish=changed("norm_l0", 0.0))
mutant("output-of-c", "gradients-coupled", wrong=cell(Coupled, output=lambda self, xp, p, x, h, c: c))
mutant("peephole-of-the-old-state", "gradients-peephole", wrong=cell(Peephole, step=old_peephole))
mutant("no-skip", "gradients-residual", wrong=cell(MLP, name="residual"))
mutant("variance-of-a-sample", "gradients-ln-lstm", wrong=cell(NormalisedLSTM, step=of_sample))
mutant(
    "states-swapped",
    "gradients-ln-lstm",
    finish=lambda self, a, *_: replace(a, states=a.cell_states, cell_states=a.states),
)
mutant("tanh-whatever-is-asked", "gradients-every-ln-rnn", understood=lambda self, m: replace(m, activation="tanh"))
mutant("stack-in-another-order", "stack-peephole", order=lambda self, answers: answers[::-1])
mutant("stack-of-the-first", "stack-residual", order=lambda self, answers: [answers[0]] * len(answers))
mutant(
    "lengths-for-outputs-alone",
    "sequences-lru",
    finish=lambda self, a, p, b: (
        a if b.lengths is None else replace(a, states=np.where(a.states == 0, np.finfo(float).tiny, a.states))
    ),
)
mutant(
    "state-of-the-other-direction",
    "sequences-peephole",
    read=lambda self, b: replace(b, state=b.state and tuple(s[::-1] for s in b.state)),
)
