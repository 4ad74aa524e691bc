"""A page with hostile texts and two figures, in one tab of a browser: what it asked for and complained of is kept."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from gradsuite import plugins
from gradsuite.experiment import Experiment, Figure, Result, Table, Trial
from gradsuite.report import style
from gradsuite.report.page import write_report
from gradsuite.rows import Measurement
from gradsuite.settings import Setting

from tests.stored import judge, run_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BACKENDS = ("numpy", "torch", "jax")
COUNTS = (3, 10, 200, 7, 1000, 25, 9, 80)  # neither in order nor in the order of their letters
HOSTILE = "<script>document.title = 'taken'</script> \"quoted\"\n\x1b[31mred\x1b[0m " + 500 * "x" + "\ud800"


class Growth(Experiment):
    name = "growth"
    question = "Does it grow?"
    settings = (Setting("size", int, "a size"),)
    presets = {"quick": {"size": [1]}}  # noqa: RUF012

    def measure(self, backend, device, settings):
        yield [Measurement("norm", 1.0)]

    def findings(self, rows, claims):
        yield HOSTILE

    def figures(self, rows, claims):
        for name, scale in (("growth", "log"), ("growth-again", "linear")):
            canvas, panels = style.figure(1, 2)
            for axes in panels.flat:
                style.points(axes, rows[rows["status"] == "ok"], "index", "value")
                axes.set(yscale=scale, xlabel="step", ylabel="norm")
            style.title(canvas, f"It grows on a {scale} axis")
            yield Figure(name, HOSTILE, canvas)

    def tables(self, rows, claims):
        table = {"backend": [BACKENDS[k % 3] for k in range(8)], "count": COUNTS, "share": np.array(COUNTS) / 7}
        yield Table(
            "Counts",
            "All of them.",
            pd.DataFrame(
                {
                    **table,
                    "said": [HOSTILE[:-1], *("b" * 7)],
                    "": [*("stable", "exploding", "vanishing, 3") * 2, "holds", "fails"],
                }
            ),
        )


class Plugin:
    @staticmethod
    @plugins.hookspecs.hookimpl
    def register_experiments(register):
        register(Growth)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    known = plugins.Plugins({"growth": Plugin})
    results = [
        (
            Trial("growth", name, "cpu", {"size": 1}),
            Result("ok", tuple(Measurement("norm", 2.0**k, index=k) for k in range(8))),
        )
        for name in BACKENDS
    ]
    lost = (Trial("growth", "torch", "cpu", {"size": 2}), Result("error", reason=HOSTILE, stderr=HOSTILE))
    run = run_of(tmp_path_factory.mktemp("run"), [*results, lost], preset="quick")
    judge(run, Growth())
    return write_report(run, known).as_uri()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None and not os.environ.get("GRADSUITE_NEEDS_CHROMIUM"):
        pytest.skip("no Chromium on the PATH: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def tab(browser):
    """One tab for all tests, with what it asked for and complained of."""
    opened = browser.new_page()
    opened.set_default_timeout(10_000)
    opened.asked, opened.complaints = [], []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    return opened


@pytest.fixture
def page(tab, address):
    """The page as one opens it, wide; a test that made it complain fails."""
    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.asked.clear()
    tab.complaints.clear()
    tab.goto("about:blank")
    tab.goto(address)
    yield tab
    assert tab.complaints == []
    assert {url for url in tab.asked if not url.startswith(("data:", "blob:", "about:"))} == {address}
