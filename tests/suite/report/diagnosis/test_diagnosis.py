"""A diagnosis on its page and in the terminal: every sentence and all code, in the order of the questions."""

import re

import pytest
from gradsuite.diagnosis.diagnosis import diagnose_patient
from gradsuite.parameters import Initialisation

from tests.suite.diagnosis.patients import drawn


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
