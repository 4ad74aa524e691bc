"""Gates: claims that hold and bite."""

from dataclasses import replace

import pytest
from gradsuite.theory import gates as theory
from gradsuite_experiments.gates.experiment import Gates

from tests.experiments.laboratory import (
    Fault,
    blind,
    cell_slope,
    measured,
    not_biting,
    state_gradients,
    verdicts,
    weights,
)


def forgetting(shift):
    """Add to the bias of the gate that keeps the state: the second block of rows in both cells."""

    def shifted(parameters):
        bias = parameters["bias_ih_l0"].copy()
        H = parameters["weight_hh_l0"].shape[-1]
        bias[..., H : 2 * H] += shift
        return {**parameters, "bias_ih_l0": bias}

    return shifted


BIAS = Fault("the forget bias 0.2 too large", parameters=forgetting(0.2))
DRIVEN = Fault("input weights wrong in the ninth digit", parameters=weights(1 + 1e-9))
CHRONO = Fault("the forget bias 1 too large", parameters=forgetting(1.0))
FAULTS = {
    f"gates/{claim}": fault
    for cell in ("lstm", "gru")
    for claim, fault in {
        **{f"{law}/{cell}/{bias}": BIAS for law in ("factor", "half-life") for bias in range(4)},
        f"driven/{cell}": DRIVEN,
        **{f"chrono/{cell}/{lag}": CHRONO for lag in (10, 100)},
    }.items()
} | {"gates/output/lstm": Fault("dL/dc without 1 - tanh(c)^2", backward=cell_slope("1").backward)}


def test_every_claim_holds_and_bites():
    assert not_biting(Gates(), FAULTS) == []


def output(factor):
    """Multiply dL/dc alone."""
    return Fault(f"dL/dc x {factor}", gradients=lambda g: replace(g, cell_states=g.cell_states * factor))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_claim_notices_a_fault_of_the_size_that_it_states(cell):
    names = [name for name in FAULTS if f"/{cell}" in name]
    faults = dict.fromkeys(names, state_gradients) | ({"gates/output/lstm": output} if cell == "lstm" else {})
    assert blind(Gates(), faults, cell=[cell], biases=[4], hidden_size=[16]) == []


def test_the_slope_from_h_to_c_is_seen():
    judged = verdicts(Gates(), measured(Gates(), cell_slope("1"), cell=["lstm"]))
    assert judged["gates/output/lstm"].verdict == "fails"


def test_sentences_say_what_the_laws_give():
    sentences = {name: claim.sentence for name, claim in verdicts(Gates(), measured(Gates())).items()}
    assert f"{theory.half_life(3):.4g} steps" in sentences["gates/half-life/lstm/3"]
    assert "0.7326 of the gradient is left after 10 steps" in sentences["gates/chrono/gru/10"]
    assert "0.1496 of the gradient is left after 100 steps" in sentences["gates/chrono/gru/100"]
