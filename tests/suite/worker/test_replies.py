"""Whatever a worker may answer is a reply as its request wants it, or is refused with the name of its backend."""

import json
import math

import pytest
from gradsuite.backend import BackendInfo
from gradsuite.rows import Measurement
from gradsuite.worker import described, measured
from gradsuite.worker.malformed import CUT, SHOWN, TEXT, Malformed, shown, text_of
from gradsuite.worker.replies import ANSWERS, checked
from hypothesis import given
from hypothesis import strategies as st

INFO = {"name": "mine", "versions": {"mine": "1"}, "devices": ["cpu"], "dtypes": ["float64"], "cells": []}
LOOK = {"step": 1, "loss": 0.5, "gradient_norm": 1.0, "horizon": math.nan, "score": 1, "rate": 0.1, "seconds": 2.0}
BEGUN = {
    "step": 0, "end": "running", "task": "noise", "split": "validation",
    "score": {"name": "loss", "higher": False, "unit": ""}, "goal": None, "length": 5, "summary": "", "source": "",
    "baselines": {"mean": 1.0}, "parameters": 7, "versions": {"mine": "1"}, "versions_before": {"mine": "1"},
}  # fmt: skip
SOUND = {
    "greet": {"pid": 7, "protocol": 3, "gradsuite": "0.1.0"},
    "describe": {"info": INFO},
    "prepare": {"checks": 3},
    "check": {"result": {}},
    "preflight": {"reason": ""},
    "start": {"done": False, "measurements": [["m", 1, "", None, 0, None, ""]], "changed": []},
    "resume": {"done": True, "measurements": [], "changed": ["numpy.add"]},
    "begin": BEGUN,
    "walk": {"step": 1, "loss": math.nan, "end": "diverged", "look": LOOK, "pace": 1.0},
    "save": {"step": 1},
    "end": {"losses": [1.0, math.inf], "looks": [LOOK], "seconds": 1.0, "test": None},
}
RUBBISH = [None, True, -1, 2**70, 0.5, math.nan, "", "\ud800", [], [None], {}, {"": None}, [[]], {"step": "1"}]
JSON = st.recursive(
    st.sampled_from(RUBBISH) | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(INFO)), inner),
    max_leaves=8,
)


def request(do):
    return {"do": "train", "verb": do} if do in ("begin", "walk", "save", "end") else {"do": do}


def test_every_request_is_among_the_examples():
    assert set(SOUND) == set(ANSWERS)


@pytest.mark.parametrize("do", SOUND)
def test_a_sound_reply_is_let_through(do):
    reply = {"status": "ok", **SOUND[do]}
    found = checked(request(do), json.loads(json.dumps(reply)), "mine")
    assert found.keys() == reply.keys()


@pytest.mark.parametrize(("do", "field"), [(do, field) for do, fields in SOUND.items() for field in fields])
def test_every_field_must_be_there_and_of_its_kind(do, field):
    reply = {"status": "ok", **SOUND[do]}
    with pytest.raises(Malformed, match=f"the worker of 'mine' answered '{do}' with rubbish: it has no '{field}'"):
        checked(request(do), {name: value for name, value in reply.items() if name != field}, "mine")
    refused = 0
    for value in RUBBISH:
        try:
            checked(request(do), {**reply, field: value}, "mine")
        except Malformed:
            refused += 1
    assert refused >= 3
    with pytest.raises(Malformed, match="it has an unknown field 'more'"):
        checked(request(do), {**reply, "more": 1}, "mine")


@given(st.sampled_from(sorted(SOUND)), st.dictionaries(st.text() | st.sampled_from(["reason", "status"]), JSON), JSON)
def test_no_json_does_more_than_be_refused(do, more, value):
    for reply in (more, {"status": "ok", **SOUND[do], **more}, {"status": "ok", **dict.fromkeys(SOUND[do], value)}):
        try:
            said = json.dumps(checked(request(do), reply, "mine"), default=repr)
        except Malformed as error:
            said = str(error)
            assert len(said) < 300
        assert len(said.encode().splitlines()) == 1


@pytest.mark.parametrize("status", ["unsupported", "invalid", "error"])
def test_a_failure_has_a_reason_that_can_be_stored(status):
    reply = {"status": status, "reason": "\ud800" + "x" * 2**20, "done": True, "measurements": [], "changed": []}
    reason = checked({"do": "start"}, reply, "mine")["reason"]
    assert reason == "?" + "x" * (TEXT - 1) + CUT
    for wrong in ({"reason": None}, {"measurements": [["m", 1.0, "", None, None, None, ""]]}, {"status": "timeout"}):
        with pytest.raises(Malformed):
            checked({"do": "start"}, {**reply, **wrong}, "mine")


def test_rows_come_out_as_they_went_in():
    rows = [
        Measurement("a", 1, "s", index=2**53, member=-(2**53)),
        Measurement("b", math.inf, layer=True, note="é"),
    ]
    assert measured.unpacked(json.loads(json.dumps(measured.packed("probe", rows)))) == rows
    (row,) = measured.packed("probe", [Measurement("a", math.nan)])
    assert math.isnan(row[1])


def test_a_description_comes_out_as_it_went_in():
    info = BackendInfo("mine", {"mine": "1"}, ("cpu",), ("float64",), ("rnn",), max_layers=2, features=("stack",))
    assert described.unpacked("mine@2", json.loads(json.dumps(described.packed("mine@2", info)))) == info
    with pytest.raises(Malformed, match="backend 'mine': unknown field of BackendInfo 'more'"):
        described.unpacked("mine", {**INFO, "more": []})
    with pytest.raises(Malformed, match=r"backend 'mine': .* missing 1 required .*'cells'"):
        described.unpacked("mine", {name: value for name, value in INFO.items() if name != "cells"})


@given(st.text(st.characters(codec=None)), st.integers(1, 10))
def test_every_text_can_be_stored(text, longest):
    kept = text_of(text, longest)
    assert len(kept.encode().decode()) <= longest + len(CUT)
    assert len(shown(text).splitlines()) <= 1
    assert len(shown(text)) <= SHOWN + 3
