"""Answers as parts: a table stands under its sentence, and what a stranger's experiment says is text."""

import pandas as pd
import pytest
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.experiment import Table
from gradsuite.report.forms.answers import SHOWN, answered, verdicts
from gradsuite.report.parts import as_markdown, as_text
from gradsuite.report.section import Section
from gradsuite.report.summary import Question, Said, summary
from gradsuite.topic import Topic


def claim(name, measured):
    return Claim(
        name=name,
        backend="numpy",
        sentence="It is 1.",
        source=Source("a paper"),
        expected=1.0,
        measured=measured,
        tolerance=0.0,
        resolution=Resolution(0.1, "it"),
    )


def found(*measured):
    claims = [claim(f"law/n{number}", value) for number, value in enumerate(measured)]
    return summary({}, {"ok": 1}, [Section("law", "Why?", Topic.THEORY, {"ok": 1}, claims=claims)])


def test_a_table_stands_under_its_sentence_and_what_follows_goes_on_without_a_title():
    table = Table("Costs", "", pd.DataFrame({"backend": ["numpy"], "cost": [0.123456]}))
    said = [Said("Here:", "cost", table), Said("And more.", "cost")]
    parts = list(answered(Question(Topic.SPEED, said)))
    assert [(part.title, list(part.sentences)) for part in parts] == [
        ("Which backend is fastest at what?", ["Here:"]),
        ("", ["And more."]),
    ]
    assert (parts[0].columns, parts[0].rows) == (["backend", "cost"], [["numpy", "0.1235"]])
    text = as_text("", parts).splitlines()
    assert text[0] == "Which backend is fastest at what?"
    assert [line.split() for line in text[1:]] == [
        ["Here:"], ["backend", "cost"], ["numpy", "0.1235"], [], ["And", "more."],
    ]  # fmt: skip
    assert as_markdown("A run", parts).count("### ") == 1


def test_that_no_claim_failed_is_said():
    (part,) = verdicts(found(1.0, 1.0))
    assert (list(part.sentences), part.rows) == (["None: all 2 claims hold."], [])


def test_failed_claims_are_told_with_what_was_expected_and_the_rest_is_counted():
    (part,) = verdicts(found(1.0, *[2.0] * (SHOWN + 2)))
    assert part.sentences[0] == "1 of 13 claims hold."
    assert part.sentences[1] == "law/n1: It is 1."
    assert part.sentences[-1].startswith("2 more failed")
    assert part.rows[0] == ("law/n1", "numpy", "2", "1")
    assert len(part.rows) == SHOWN


def test_nothing_is_said_of_claims_where_there_are_none():
    assert list(verdicts(found())) == []


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "half \ud800", "one\ntwo", "<script>alert(1)</script>"])
def test_what_an_experiment_says_moves_no_terminal_and_is_no_markup(hostile):
    parts = list(answered(Question(Topic.OTHER, [Said(hostile, "mine")])))
    text = as_text("", parts)
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2
    text.encode()
    assert "<script>" not in as_markdown("A run", parts)


def test_a_sentence_about_many_networks_is_told_whole():
    sentence = "It reaches back with " + ", ".join(f"remedy {k}: {k}.5" for k in range(40)) + "."
    assert sentence in as_text("", list(answered(Question(Topic.REMEDIES, [Said(sentence, "remedies")]))))
