"""What is shown of a failed check, and how it comes to the host."""

import json

import numpy as np
from gradsuite.conformance import Result
from gradsuite.conformance.case import Case
from gradsuite.conformance.examination import examined, placed
from gradsuite.conformance.finding import Finding, fact
from gradsuite.conformance.packed import packed, unpacked
from gradsuite.conformance.script import script
from gradsuite.model import Model


def case(hidden, steps, cell="rnn"):
    return Case(Model(cell, 2, hidden, 1), steps, 3)


def finding(case, array, error, where=""):
    return Finding(f"{array} of {case}{where}", error, 1.0, array=array, case=case)


def test_cases_that_fail_come_by_their_size():
    flat, long, wide, right = case(9, 1000, "mlp"), case(2, 50), case(30, 2), case(1, 1)
    findings = [
        finding(long, "loss", 2.0),
        finding(wide, "loss", 2.0),
        finding(right, "loss", 0.5),
        fact("something else", False),
        finding(flat, "loss", 0.5),
        finding(flat, "weight", np.nan),
        finding(flat, "loss", 3.0, ", with states"),
    ]
    cases = examined(findings)
    assert [one.case for one in cases] == [flat, flat, wide, long, None]  # mlp has no time steps
    assert [one.where for one in cases[:2]] == [str(flat), f"{flat}, with states"]
    assert [finding.array for finding in cases[0].findings] == ["loss", "weight"]
    assert [finding.array for finding in cases[0].wrong] == ["weight"]


def test_state_gradients_have_a_step_and_a_layer():
    assert placed(finding(case(1, 1), "cell_states[t=12 layer 3]", 0.0)) == ("cell_states", "12", "3")
    assert placed(finding(case(1, 1), "states[layer 3]", 0.0)) == ("states", "", "3")
    assert placed(finding(case(1, 1), "weight_hh_l0", 0.0)) == ("weight_hh_l0", "", "")
    assert placed(fact("describe, twice", True)) == ("describe, twice", "", "")


def test_a_result_comes_through_json_as_it_was():
    findings = (finding(case(4, 3), "loss", np.inf), fact("a fact", False, "why"), Finding("x", np.longdouble(2), 1.0))
    result = Result("gradients-rnn", "S.", "cpu", "float64", "failed", np.float64(np.inf), 1.0, "w", "h", findings, "t")
    assert unpacked(json.loads(json.dumps(packed(result)))) == result
    passed = Result("gradients-rnn", "S.", "cpu", "float64", "unsupported")
    assert unpacked(json.loads(json.dumps(packed(passed)))) == passed


def test_only_a_case_that_is_simply_computed_is_repeated_by_itself():
    def of(check, where=""):
        result = Result(check, "S.", "cpu", "float64", "failed", findings=(finding(case(4, 3), "loss", 2.0, where),))
        return script("mine", result, examined(result.findings)[0])

    assert "states=False" in of("gradients-rnn-tanh")
    assert "states=True" in of("gradients-rnn-tanh", ", with states")
    for whole in (of("gradients-large-rnn"), of("truncation", ", truncation (2, 2)"), of("other-sizes")):
        assert "gradsuite.check(" in whole
        compile(whole, "script", "exec")
