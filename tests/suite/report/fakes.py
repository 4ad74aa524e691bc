"""Experiments to be reported on, one that fails to draw, and a page of them as a parser reads it."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
from gradsuite import plugins
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.experiment import Experiment, Figure, Result, Table, Trial
from gradsuite.report import style
from gradsuite.report.page import write_report
from gradsuite.rows import Measurement
from gradsuite.settings import Setting

from tests.stored import judge, run_of

VOID = {"meta", "br"}


class Fake(Experiment):
    name = "fake"
    question = "Does 1 < 2?"
    settings = (Setting("size", int, "a size"),)
    presets = {"quick": {"size": [1]}}  # noqa: RUF012

    def measure(self, backend, device, settings):
        yield [Measurement("norm", 1.0)]

    def findings(self, rows, claims):
        if len(rows[rows["status"] == "ok"]):
            yield f"The largest is {rows['value'].max():g} <b>."

    def figures(self, rows, claims):
        canvas, panels = style.figure(1, 1)
        style.points(panels[0, 0], rows[rows["status"] == "ok"], "index", "value")
        style.title(canvas, "It is 1 & no more")
        yield Figure("fake-sizes", "Sizes <of> things.", canvas)

    def tables(self, rows, claims):
        table = {"backend": ["numpy"], "verdict": ["vanishing, 7"], "rate": [np.nan], "count": [3], "x": [0.123456]}
        yield Table("Sizes", "All of them.", pd.DataFrame(table))

    def claims(self, rows):
        for backend in rows["backend"].unique():
            for expected in (1.0, 2.0):
                yield Claim(
                    name=f"{self.name}/{expected:g}",
                    backend=backend,
                    sentence=f"it is {expected:g}",
                    source=Source("A & B 1999", checked=expected == 1.0),
                    expected=expected,
                    measured=1.0,
                    tolerance=0.1,
                    resolution=Resolution(0.2, "the norm"),
                )


class Broken(Fake):
    name = "broken"

    def figures(self, rows, claims):
        yield from super().figures(rows, claims)
        raise KeyError("no such <column>")


class Plugin:
    @staticmethod
    @plugins.hookspecs.hookimpl
    def register_experiments(register):
        register(Fake)
        register(Broken)


class Page(HTMLParser):
    """What a page holds: tags in balance, ids, links, text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.text = [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("href", "xlink:href", "src") if name in found]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


FAKES = plugins.Plugins({"fakes": Plugin})


def trial(backend="numpy", experiment="fake", size=1):
    return Trial(experiment, backend, "cpu", {"size": size})


def ok(*values):
    return Result("ok", tuple(Measurement("norm", value, index=k) for k, value in enumerate(values)))


def page(folder, *results, **meta):
    run = run_of(folder, results, **meta)
    for experiment in FAKES.all_experiments():
        if experiment.name in set(run.trials()["experiment"]):
            judge(run, experiment)
    text = write_report(run, FAKES).read_text(encoding="utf-8")
    return Page(text), text
