"""Gates: claims that hold and bite."""

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
}


def test_every_claim_holds_and_bites():
    assert not_biting(Gates(), FAULTS) == []
