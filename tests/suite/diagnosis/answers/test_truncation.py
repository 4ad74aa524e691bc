"""Answer 3: windows against PyTorch's detach."""

import numpy as np
import pytest
from gradsuite.diagnosis.answers import truncation
from gradsuite.diagnosis.flow import Passes
from gradsuite.parameters import initialise

from tests.suite.diagnosis.patients import batch_of, drawn, model_of, patient_of

torch = pytest.importorskip("torch")


def by_detach(patient, k):
    """Return the parameter gradients of PyTorch's layer, detached every k steps back from the last."""
    batch, model = patient.seen[0].batch, patient.model
    rnn = torch.nn.RNN(model.input_size, model.hidden_size).double()
    rnn.load_state_dict({name: torch.tensor(patient.parameters[name]) for name, _ in rnn.named_parameters()})
    steps = len(batch.inputs)
    cuts = sorted({0, *range(steps % k, steps, k)})
    state, loss = None, 0.0
    for start, end in zip(cuts, [*cuts[1:], steps], strict=True):
        outputs, state = rnn(torch.tensor(batch.inputs[start:end]), state)
        loss = loss + (outputs * torch.tensor(batch.targets[start:end])).sum()
        state = state.detach()
    (loss / (steps * batch.inputs.shape[1])).backward()
    return {name: value.grad.numpy() for name, value in rnn.named_parameters()}


@pytest.mark.parametrize("every", [False, True])
def test_the_error_of_windows_is_that_of_detach(every):
    patient = drawn("rnn", 12, every=every, units=8)
    batch, passes = patient.seen[0].batch, Passes.of(patient)
    found = truncation.biases(passes, batch, truncation.apart).set_index("k")["error"]
    exact = by_detach(patient, 12)
    for k in (1, 4):
        cut = by_detach(patient, k)
        away = {name: cut[name] - exact[name] for name in exact}
        readout = passes.gradients(batch).parameters
        everything = {**exact, **{name: g for name, g in readout.items() if name.startswith("readout.")}}
        size, whole = (np.sqrt(sum(np.square(g).sum() for g in one.values())) for one in (away, everything))
        assert found[k] == pytest.approx(size / whole, rel=1e-9)
    assert found[12] == 0
    assert found[found.index[found <= 0.01].min()] <= 0.01


def test_where_a_backend_cannot_truncate_it_is_said():
    model = model_of("gru", bidirectional=True)
    batch = batch_of(model, 10, every=True)
    found = truncation.answer(patient_of(model, initialise(model), batch), batch)
    assert found.sentences == (
        "Not told: bidirectional layers read the whole sequence, one network at a time: give no truncation.",
    )
