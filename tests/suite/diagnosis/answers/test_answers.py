"""Answers 3 and 4, and the page: windows against PyTorch's detach, thresholds by hand, every sentence on one page."""

import re

import numpy as np
import pytest
from gradsuite.diagnosis.answers import clipping, remedies, truncation
from gradsuite.diagnosis.diagnosis import diagnose_patient
from gradsuite.diagnosis.flow import Flow, Passes
from gradsuite.diagnosis.remedies import Tried
from gradsuite.parameters import Initialisation, initialise

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


def test_thresholds_by_hand():
    found = clipping.answer([1.0, 2.0, 3.0, 14.0], np.array([3.0, 4.0]))
    shares = found.frames["clipping"].set_index("threshold")
    assert list(shares["norm"]) == [2.5, 5.0, 50.0, 1.0]
    assert list(shares["clipped"]) == [0.5, 0.25, 0.0, 0.75]
    turned = found.frames["value_clipping"].set_index("limit")
    # (3, 4) clipped at .4 is (.4, .4), whose cosine with it is 7 / (5 sqrt 2).
    assert turned.loc[0.1, "cosine"] == pytest.approx(7 / (5 * np.sqrt(2)))
    assert "2.5 to 50 here, which clips 50% to 0% of batches; the usual 1 would clip 75%." in found.sentences[1]


def test_no_finite_gradient_is_said():
    assert clipping.answer([np.nan, np.inf], None).sentences == ("No batch has a finite gradient to clip.",)


def test_what_helps_most_keeps_its_name():
    before = Flow("all layers", 0.5 ** np.arange(31.0)[:, np.newaxis], 1)
    tried = [Tried("PyTorch's default", 20.0, 19.0, 21.0, 0.001, "stable", True, "", "")]
    said = "What helps most: PyTorch's default: the horizon is 20 steps (19.0 to 21) over 5 seeds instead of 10.0"
    assert remedies.advice(remedies.ranked(tried, before), 30).startswith(said)


@pytest.fixture(scope="module")
def sick():
    return diagnose_patient(drawn("lstm", 20, Initialisation(forget_bias=-2.0), layers=2))


def test_the_page_has_all_that_is_said_and_loads_nothing(sick, tmp_path):
    path = sick.report(tmp_path / "report.html")
    page = path.read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page).replace("&#39;", "'").replace("&lt;", "<").replace("&#34;", '"')
    for sentence in (*sick.findings, *(one for answer in sick.answers for one in answer.sentences)):
        assert sentence in text
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert page.count("<figure>") >= 6
    for code in sick.frames["remedies"].query("helps")["code"]:
        assert code.replace('"', "&#34;").replace(">", "&gt;") in page


def test_the_terminal_has_questions_in_their_order(sick):
    shown = str(sick)
    heads = re.findall(r"^(\d)\. ", shown, re.MULTILINE)
    assert heads == list("123456")
    assert shown.index(sick.findings[0]) < shown.index("1. Where does the gradient go?")
    assert "To type in PyTorch, " in shown


def test_sentences_are_whole(sick):
    for sentence in (*sick.findings, *(one for answer in sick.answers for one in answer.sentences)):
        assert sentence[0].isupper() or sentence.startswith(("bfloat16", "float")), sentence
        assert sentence.endswith(".")
        assert "nan" not in sentence.lower().split()
