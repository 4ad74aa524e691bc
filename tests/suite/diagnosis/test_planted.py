"""Six planted patients, whose planted cause is named first; and healthy ones, for which nothing is advised."""

import numpy as np
import pytest
from gradsuite.diagnosis.diagnosis import diagnose_patient
from gradsuite.diagnosis.patient import Trouble
from gradsuite.parameters import Initialisation, initialise

from tests.suite.diagnosis.patients import batch_of, drawn, model_of, patient_of


def names(diagnosis):
    return [cause.name for cause in diagnosis.causes]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_forget_bias_of_minus_2(backend):
    pytest.importorskip(f"gradsuite_{backend}.backend", exc_type=ImportError)
    found = diagnose_patient(drawn("lstm", 20, Initialisation(forget_bias=-2.0), backend=backend))
    assert names(found) == ["forget-gate", "length"]
    assert found.findings[0].startswith("The forget gate is closed: it keeps 0.12")  # sigma(-2) = .119
    tried = found.frames["remedies"].set_index("remedy")
    assert tried.loc["a forget bias of 1", "helps"]
    assert tried.loc["a forget bias of 1", "horizon_low"] > 3 * tried.loc["as it is", "horizon"]
    assert found.findings[-1].startswith("What helps most: ")


def test_a_recurrent_gain_of_3():
    found = diagnose_patient(drawn("rnn", 40, Initialisation("normal", gain=3.0)))
    assert names(found) == ["recurrent-weights"]
    assert found.findings[0].startswith("The recurrent weights are too large: their spectral radius is ")
    radius = found.frames["weights"]["radius"].item()
    assert radius == pytest.approx(3.0, abs=3 / np.sqrt(32))  # circular law, whose edge is off by less than 1/sqrt(H)
    assert found.frames["exponent"]["low"].item() > 0  # chaotic
    assert found.answers[0].sentences[0].startswith("The gradient explodes: 39 steps back, its norm is ")
    assert "the largest Lyapunov exponent is +" in found.findings[0]
    helping = found.frames["remedies"].query("helps")["remedy"]
    assert helping.iloc[0] == "orthogonal recurrent weights"


def test_a_relu_rnn_with_dead_units():
    model = model_of("rnn", activation="relu")
    parameters = initialise(model, Initialisation("orthogonal"), seed=1)
    parameters["bias_ih_l0"][:24] = -30.0  # 24 of 32 units
    found = diagnose_patient(patient_of(model, parameters, batch_of(model, 20)))
    assert names(found)[0] == "dead-units"
    assert found.findings[0].startswith("75% of the relu units are dead")
    assert found.frames["units"]["dead"].item() == 0.75


def test_a_loss_that_takes_the_logarithm_of_0():
    model = model_of("lstm")
    batch = batch_of(model, 20, every=True)
    batch.targets[12:] = np.nan  # what the loss's gradient is from there on
    trouble = Trouble("loss", "sequence 3 at step 12", step=12)
    found = diagnose_patient(patient_of(model, initialise(model), batch, trouble=trouble))
    assert names(found) == ["not-finite"]
    said = "The first number that is not finite comes from the loss, at sequence 3 at step 12: every state before it is"
    assert found.findings[0].startswith(said)
    assert "logarithm of 0" in found.findings[0]
    assert len(found.answers) == 6  # each is answered, if only by why it is not


def test_a_float16_underflow_at_a_known_lag():
    """A gradient of 2^-20, of which every step back leaves 7/8 exactly: zero once it is under half of 2^-24.

    That is at lag 38: (7/8)^k <= 2^-5 for k >= 5 ln 2 / -ln(7/8) = 25.96; so lag 26.
    """
    model = model_of("rnn", inputs=1, units=4, activation="identity")
    parameters = {name: 0.0 * value for name, value in initialise(model).items()}
    parameters["weight_hh_l0"] = 7 / 8 * np.eye(4)
    batch = batch_of(model, 40)
    batch.targets[-1] = 40 * 16 * 2.0**-20  # the loss is a mean over 40 steps of 16 sequences
    found = diagnose_patient(patient_of(model, parameters, batch, dtype="float16"))
    assert names(found) == ["precision"]  # 1/1000 would be left after 52 steps
    assert found.findings[0].startswith("The gradient underflows in float16 from lag 26 on")
    ends = found.frames["precision"].set_index("dtype")["underflow"]
    assert ends["float16"] == 26
    assert np.isnan(ends["bfloat16"])
    scales = found.frames["loss_scale"].set_index("exponent")["kept"]
    assert scales[0] == 26 / 40
    # (7/8)^39 2^-20 is 2^-27.5, which 2^3 brings above 2^-25.
    assert scales[2] < 1
    assert scales[3] == 1
    assert "a loss scale of 2^3 saves most" in found.findings[0]


def test_a_sequence_twice_as_long_as_the_horizon():
    """Identity units that keep 2/3: 1/1000 is left after ln 1000 / ln 1.5 = 17.04 steps, and there are 34."""
    model = model_of("rnn", activation="identity")
    parameters = initialise(model, Initialisation("orthogonal", gain=2 / 3))
    found = diagnose_patient(patient_of(model, parameters, batch_of(model, 34)))
    assert names(found) == ["length"]
    assert found.findings[0].startswith("The sequence of 34 steps is 2 times as long as the horizon: 1/1000 of the")
    assert found.frames["horizon"]["horizon"].item() == pytest.approx(np.log(1000) / np.log(1.5), rel=1e-3)


HEALTHY = {
    "lstm with forget bias 1": ("lstm", 20, Initialisation(forget_bias=1.0)),
    "orthogonal rnn": ("rnn", 20, Initialisation("orthogonal")),
    "gru": ("gru", 15, Initialisation(forget_bias=0.0)),
}


@pytest.mark.parametrize(("cell", "steps", "initialisation"), HEALTHY.values(), ids=HEALTHY)
@pytest.mark.parametrize("every", [False, True])
def test_nothing_is_advised_for_the_healthy(cell, steps, initialisation, every):
    found = diagnose_patient(drawn(cell, steps, initialisation, every=every))
    assert found.causes == []
    assert len(found.findings) == 1
    assert found.findings[0].startswith("Nothing to treat. The gradient is stable: ")
    assert "remedies" not in found.frames
