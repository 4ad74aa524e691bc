"""Gates: claims that hold and bite."""

from gradsuite.theory import gates as theory
from gradsuite_experiments.gates.experiment import Gates

from tests.experiments.laboratory import Fault, not_biting, weights


def forgetting(shift):
    """Add to the bias of the gate that keeps the state: the second block of rows in both cells."""

    def shifted(parameters):
        bias = parameters["bias_ih_l0"].copy()
        H = parameters["weight_hh_l0"].shape[-1]
        bias[..., H : 2 * H] += shift
        return {**parameters, "bias_ih_l0": bias}

    return shifted


BIAS = Fault("the forget bias 0.2 too large", parameters=forgetting(0.2))
FAULTS = {
    f"{cell}, forget bias {bias}: {law}": BIAS
    for cell in ("lstm", "gru")
    for bias in range(4)
    for law in (
        f"the gradient falls by sigma({bias}) a step.",
        f"half of the gradient is left after {theory.half_life(bias):.4g} steps.",
    )
}
FAULTS |= {
    f"{cell}: driven by inputs, the gradient is the product of the gates that keep the state.": Fault(
        "input weights wrong in the ninth digit", parameters=weights(1 + 1e-9)
    )
    for cell in ("lstm", "gru")
}
FAULTS |= {
    f"{cell}, chrono initialisation for 100 steps: {left} is left after {lag} steps.": Fault(
        "the forget bias 1 too large", parameters=forgetting(1.0)
    )
    for cell in ("lstm", "gru")
    for lag, left in ((10, "0.7326"), (100, "0.1496"))
}


def test_every_claim_holds_and_bites():
    assert not_biting(Gates(), FAULTS) == []
