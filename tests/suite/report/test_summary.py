"""What a page opens with: answers by question, experiments that have but claims, and what the host knows itself."""

from gradsuite.experiment import Answer
from gradsuite.report.section import Section
from gradsuite.report.summary import summary
from gradsuite.topic import Topic


def section(name, topic, *answers, statuses=None):
    return Section(name, "?", topic, {"ok": 1} if statuses is None else statuses, answers=list(answers))


def said(found, topic):
    (question,) = [question for question in found.questions if question.topic is topic]
    return [(one.sentence, one.anchor) for one in question.answers]


def test_questions_come_in_the_order_of_topics_and_only_where_there_is_something_to_say():
    sections = [section("fast", Topic.SPEED, Answer(Topic.SPEED, "Quick.")), section("odd", Topic.OTHER)]
    found = summary({}, {"ok": 2}, sections)
    assert [question.topic for question in found.questions] == [Topic.SPEED, Topic.OTHER]
    assert found.questions[1].more == ["odd"]
    assert found.verdict == ""


def test_those_who_are_about_something_else_speak_where_those_about_it_do_not():
    guest = section("guest", Topic.FLOW, Answer(Topic.AGREEMENT, "They differ a little."))
    own = section("own", Topic.AGREEMENT, *(Answer(Topic.AGREEMENT, f"Digit {k}.") for k in range(2)))
    assert said(summary({}, {"ok": 1}, [guest]), Topic.AGREEMENT) == [("They differ a little.", "guest")]
    assert said(summary({}, {"ok": 2}, [guest, own]), Topic.AGREEMENT) == [("Digit 0.", "own"), ("Digit 1.", "own")]


def test_wrong_gradients_lost_trials_and_an_early_end_are_said_by_the_host():
    meta = {"preflight": {"jax": "off by 2"}, "started": "2026-01-02T03:04:05+00:00", "machine": {"cpu": "A Fast One"}}
    found = summary(meta, {"ok": 1, "invalid": 3}, [])
    assert "jax computes wrong gradients" in said(found, Topic.AGREEMENT)[0][0]
    told = [sentence for sentence, _ in said(found, Topic.TRUST)]
    assert told[0] == "3 of 4 trials were not measured (invalid)."
    assert "did not come to its end" in told[1]
    assert "A Fast One" in told[2]


def test_nothing_at_all_asks_nothing():
    assert summary({}, {}, []).questions == []
