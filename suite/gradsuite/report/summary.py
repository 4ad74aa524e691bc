"""What a page opens with and a run ends with: answers to the reader's questions, what failed, and what to think of it.

Put together from what experiments answer; it knows none of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradsuite.experiment import Table
from gradsuite.report import facts
from gradsuite.report.section import Section
from gradsuite.report.verdicts import Judged, hold
from gradsuite.topic import Topic

SENTENCES = 4  # shown of one topic: the whole is to fit on a screen
ENOUGH = 2  # of the experiments whose own topic it is: then no other one speaks
# Where the page says more of the machine, and of what was not measured: no experiment is called so.
FACTS, PROBLEMS = "page/facts", "page/problems"
PLACES = {FACTS: "the run", PROBLEMS: "why"}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence that answers a question, perhaps with a table, and where the page says more of it."""

    sentence: str
    anchor: str
    table: Table | None = None

    @property
    def place(self) -> str:
        """What a link to more of it says: the experiment's name, or which part of the page it is."""
        return PLACES.get(self.anchor, self.anchor)


@dataclass(slots=True)
class Question:
    """A topic with its answers; `more` are experiments that have something to show and no answer among these.

    `quiet` are those that have but claims to answer with.
    """

    topic: Topic
    answers: list[Said] = field(default_factory=list)
    quiet: list[Section] = field(default_factory=list)
    more: list[str] = field(default_factory=list)

    @property
    def held(self) -> str:
        """How many claims of the quiet ones hold, as the end of a sentence; none where they have none."""
        total = sum(len(section.claims) for section in self.quiet)
        return hold(sum(section.held for section in self.quiet), total) if total else ""


@dataclass(frozen=True, slots=True)
class Summary:
    """All questions that there is something to say of, and which claims failed: `verdict` is the answer in words."""

    questions: list[Question]
    verdict: str
    failing: list[Judged]


def summary(meta: Mapping[str, Any], statuses: Mapping[str, int], sections: Sequence[Section]) -> Summary:
    """Return the summary of a run with these sections, whose trials have these statuses."""
    of_host = list(own(meta, statuses))
    asked = [question(topic, sections, [said for about, said in of_host if about is topic]) for topic in Topic]
    failing = [one for section in sections for one in section.failing]
    total, held = sum(len(section.claims) for section in sections), sum(section.held for section in sections)
    clause = hold(held, total)
    verdict = "" if not total else f"{clause.capitalize()}." if failing else f"None: {clause}."
    return Summary([one for one in asked if one.answers or one.quiet or one.more], verdict, failing)


def question(topic: Topic, sections: Sequence[Section], of_host: Sequence[Said]) -> Question:
    """Return what is answered to one question: the host's own first, then what has a table.

    Experiments that are about something else fill up what those about this topic leave.
    """
    made = Question(topic)
    answers = sorted(
        said_of(topic, [one for one in sections if one.topic is topic]), key=lambda said: said.table is None
    )
    others = list(said_of(topic, [one for one in sections if one.topic is not topic]))
    made.answers = [*of_host, *answers[:SENTENCES], *others[: max(0, ENOUGH - len(answers))]]
    shown = {said.anchor for said in made.answers}
    silent = [section for section in sections if section.topic is topic and section.name not in shown]
    for section in silent:
        if section.claims and not section.answers:
            made.quiet.append(section)
        elif "ok" in section.statuses or section.troubles:
            made.more.append(section.name)
    return made


def said_of(topic: Topic, sections: Iterable[Section]) -> Iterator[Said]:
    """Yield what these experiments answer to one question."""
    for section in sections:
        for answer in section.answers:
            if answer.topic is topic:
                yield Said(answer.sentence, section.name, answer.table)


def own(meta: Mapping[str, Any], statuses: Mapping[str, int]) -> Iterator[tuple[Topic, Said]]:
    """Yield what the host knows by itself: backends whose gradients are wrong, what is missing, and the machine."""
    for name, reason in meta.get("preflight", {}).items():
        wrong = f"{name} computes wrong gradients, so that none of its trials was measured: {reason}"
        yield Topic.AGREEMENT, Said(wrong, PROBLEMS)
    total, lost = sum(statuses.values()), Counter(statuses)
    lost.pop("ok", None)
    if lost:
        kinds = ", ".join(lost if len(lost) == 1 else (f"{number} {status}" for status, number in lost.items()))
        yield Topic.TRUST, Said(f"{lost.total()} of {total} trials were not measured ({kinds}).", PROBLEMS)
    if meta.get("started") and not meta.get("finished"):
        yield Topic.TRUST, Said("The run did not come to its end: this is what it measured until then.", FACTS)
    if apart := meta.get("apart"):
        left_out = f"The preset {meta.get('preset')} leaves out {', '.join(apart)}: name them to run them."
        yield Topic.TRUST, Said(left_out, FACTS)
    if on := facts.measured_on(meta):
        yield Topic.TRUST, Said(f"{on} Another machine gives other times, and the same gradients.", FACTS)
