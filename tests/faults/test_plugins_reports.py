"""What experiments make of their rows, with faults: a part that fails costs itself, and the page says which and why."""

import re
from html import unescape

import pytest
from gradsuite.runs.store import Run

from tests.faults.plugins import DEEDS, HEADER, blocked, class_name, experiment, install_all, is_safe
from tests.throwaway import gradsuite

pytestmark = pytest.mark.long
PARTS = ("claims", "answers", "findings", "figures", "tables")
DIES = {
    "kill": ("os.kill(os.getpid(), signal.SIGKILL)", "its process was ended by SIGKILL"),
    "segfault": ("ctypes.string_at(0)", "its process was ended by SIGSEGV"),
    "exit-in-c": ("ctypes.CDLL(None)._exit(0)", "its process ended with exit status 0"),
}


def method(part: str, body: str) -> str:
    """Return an experiment's method that does this."""
    arguments = "rows" if part == "claims" else "rows, claims"
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"def {part}(self, {arguments}):\n{lines}"


# By name: the part, what its method does, and a part of what the page says of it.
RUBBISH = {
    "claims-none": ("claims", "return None", "TypeError"),
    "claims-texts": ("claims", "yield 'it holds'", "a Claim is expected, not 'it holds'"),
    "claims-other": ("claims", "yield self.claim('x', name='good/x')", "is not called claims-other/..."),
    "claims-name": ("claims", "yield self.claim('a\\nb')", "a claim's name is EXPERIMENT/CLAIM"),
    "claims-relation": ("claims", "yield self.claim('x', relation='<')", "is one of =, <=, >="),
    "claims-number": ("claims", "yield self.claim('x', measured='many')", "could not convert"),
    "claims-none-number": ("claims", "yield self.claim('x', expected=None)", "TypeError"),
    "claims-array": ("claims", "yield self.claim('x', measured=np.arange(3))", "TypeError"),
    "claims-source": ("claims", "yield self.claim('x', source='a paper')", "a Source is expected"),
    "claims-sentence": ("claims", "yield self.claim('x', sentence=5)", "a text is expected, not 5"),
    "claims-backend": ("claims", "yield self.claim('x', backend=None)", "a text is expected, not None"),
    "claims-resolution": ("claims", "yield self.claim('x', resolution=0.1)", "a Resolution is expected"),
    "claims-twice": (
        "claims",
        "yield self.claim('x')\nyield self.claim('x', sentence='it is not')",
        "two claims are called 'claims-twice/x'",
    ),
    "claims-midway": ("claims", "yield self.claim('x')\n1 / 0", "ZeroDivisionError"),
    "answers-texts": ("answers", "yield 'yes'", "a Answer is expected, not 'yes'"),
    "answers-topic": ("answers", "yield Answer('speed', 'yes')", "a Topic is expected"),
    "answers-sentence": ("answers", "yield Answer(Topic.SPEED, 5)", "a text is expected, not 5"),
    "answers-table": ("answers", "yield Answer(Topic.SPEED, 'yes', 5)", "a Table is expected, not 5"),
    "findings-numbers": ("findings", "yield 5", "a text is expected, not 5"),
    "findings-none": ("findings", "yield None", "a text is expected, not None"),
    "findings-endless": ("findings", "while True:\n    yield 'again'", "yields more than 100 of them"),
    "figures-none": ("figures", "return None", "TypeError"),
    "figures-numbers": ("figures", "yield 5", "a Figure is expected, not 5"),
    "figures-int": ("figures", "yield Figure('x', 'caption', 5)", "a Figure is expected, not 5"),
    "figures-caption": ("figures", "yield self.figure('x', caption=None)", "a text is expected, not None"),
    "figures-parent": ("figures", "yield self.figure('../../x')", "a figure's name is of small letters"),
    "figures-absolute": ("figures", "yield self.figure('/abs')", "a figure's name is of small letters"),
    "figures-html": ("figures", "yield self.figure('<b>')", "a figure's name is of small letters"),
    "figures-newline": ("figures", "yield self.figure('a\\nb')", "a figure's name is of small letters"),
    "figures-forged": (
        "figures",
        "made = self.figure('x')\nobject.__setattr__(made, 'name', '../forged')\nyield made",
        "a figure's name is of small letters",
    ),
    "figures-twice": ("figures", "yield self.figure('x')\nyield self.figure('x')", "two figures are called"),
    "figures-midway": ("figures", "yield self.figure('x')\nraise KeyError('y')", "KeyError: 'y'"),
    "figures-mathtext": (
        "figures",
        "made = self.figure('x', label='$\\\\frac{$')\nmade.figure.axes[0].legend()\nyield made",
        "of its figures is of no use: ValueError",
    ),
    "figures-huge": (
        "figures",
        "made = self.figure('x')\nmade.figure.set_size_inches(1e6, 1e6)\nyield made",
        "of its figures is of no use",
    ),
    "tables-none": ("tables", "return None", "TypeError"),
    "tables-dict": ("tables", "yield Table('t', 'c', {'a': [1]})", "a DataFrame is expected"),
    "tables-series": ("tables", "yield Table('t', 'c', pd.Series([1]))", "a DataFrame is expected"),
    "tables-title": ("tables", "yield Table(None, 'c', pd.DataFrame())", "a text is expected, not None"),
    "tables-caption": ("tables", "yield Table('t', 5, pd.DataFrame())", "a text is expected, not 5"),
    "tables-long": ("tables", "yield Table('t', 'c', pd.DataFrame({'a': range(10**5)}))", "is no summary"),
    "tables-unprintable": (
        "tables",
        "class Sly:\n    def __str__(self):\n        os._exit(0)\nyield Table('t', 'c', pd.DataFrame({'a': [Sly()]}))",
        "SystemExit: 0",
    ),
}
for _part in PARTS:
    RUBBISH |= {
        f"{_part}-{deed}": (_part, f"{body}\nyield", said)
        for deed, (body, said) in (DEEDS | DIES if _part in ("claims", "figures") else DEEDS).items()
        if deed in ("raises", "refuses", "leaves", "quits", "interrupts", "strange", "colours", *DIES)
    }

# What is odd and no fault: it comes out as text that does nothing.
ODD = {
    "odd-claims": (
        "claims",
        "yield self.claim('nan', expected=math.nan)\nyield self.claim('inf', measured=-math.inf)\n"
        "yield self.claim('numpy', measured=np.float32(1.0))\n"
        "yield self.claim('text', sentence='half \\ud83d <b>[red]\\x1b[31m', backend='<i>')",
    ),
    "odd-findings": (
        "findings",
        "from markupsafe import Markup\nyield Markup('<script>alert(1)</script>')\nyield 'half \\ud83d\\x00 of it'",
    ),
    "odd-figures": (
        "figures",
        "made = self.figure('links', caption='<img src=x onerror=alert(2)> \\ud83d', label='line', gid='\"><b>', "
        "url='javascript:alert(3)')\n"
        "axes = made.figure.axes[0]\naxes.legend()\naxes.title.set_url('javascript:alert(4)')\n"
        "points = axes.scatter([1, 2], [1, 2])\npoints.set_urls(['javascript:alert(5)'] * 2)\n"
        "axes.set_xlabel('</svg><script>alert(6)</script>')\nyield made",
    ),
    "odd-closed": (
        "figures",
        "from matplotlib import pyplot\nmade = self.figure('shut')\npyplot.close('all')\nyield made",
    ),
    "odd-tables": (
        "tables",
        "odd = {'kind': pd.Categorical(['<i>']), 'when': pd.to_datetime(['2020-01-01']), 'lack': [pd.NA], 'z': [1j]}\n"
        "odd |= {'list': [[1, 2]], 5: [np.float16(0.5)], 'bytes': [b'x'], 'span': pd.interval_range(0, 1)}\n"
        "yield Table('<b>t \\ud83d', 'c', pd.DataFrame(odd))",
    ),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run all of them at once, each a trial."""
    folder = tmp_path_factory.mktemp("reports")
    faulty = {name: (part, body) for name, (part, body, _) in RUBBISH.items()} | ODD
    classes = [experiment(name, method(part, body)) for name, (part, body) in faulty.items()]
    registered = [f"    register({name!r}, 'faulty_plugin:{class_name(name)}')" for name in faulty]
    text = "\n".join([HEADER, *classes, "@hookimpl", "def register_experiments(register):", *registered])
    install_all(folder, {"faulty": text})
    finished = gradsuite(folder, "run", "--backend", "echo", "--preset", "quick", **blocked())
    path = folder / finished.stdout.splitlines()[-1]
    page = (path / "report.html").read_text(encoding="utf-8")
    sections = dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', page, re.DOTALL))
    return finished, path, page, sections


def test_every_trial_is_measured_and_every_section_is_there(done):
    finished, path, _, sections = done
    names = {*RUBBISH, *ODD, "good"}
    trials = Run.open(path).trials()
    assert set(trials["experiment"]) == names
    assert set(trials["status"]) == {"ok"}
    assert names <= sections.keys()
    assert finished.returncode == 1  # some claims could not be judged
    assert is_safe(finished.stdout + finished.stderr)


@pytest.mark.parametrize("name", RUBBISH)
def test_the_section_says_what_failed_and_has_the_rest(done, name):
    finished, _, _, sections = done
    part, _, said = RUBBISH[name]
    text = unescape(sections[name])
    assert re.sub(r"\\u001b.*", "", said) in text
    assert f"Its {part} could not be" in text or f"of its {part} is of no use" in text
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith(f"{name}: ")]
    assert len(line) < 340
    rest = {"findings": "FINDING", "figures": "FIGURE", "tables": "TABLE", "claims": "it is one"}
    for other, mark in rest.items():
        if other != part:
            assert mark in text


def test_claims_are_stored_all_or_none(done):
    _, path, _, _ = done
    stored = Run.open(path).claims()
    judged = set(stored["experiment"])
    assert not {name for name, (part, _, _) in RUBBISH.items() if part == "claims"} & judged
    assert {name for name, (part, _, _) in RUBBISH.items() if part != "claims"} <= judged
    assert len(stored[stored["experiment"] == "odd-claims"]) == 4


def test_what_is_odd_is_text(done):
    _, _, page, sections = done
    for name in ODD:
        assert "of no use" not in sections[name]
        assert "could not be" not in sections[name]
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "javascript:" not in page
    assert "<b>" not in page.replace("<b>FINDING", "")
    assert "\ud83d" not in page


def test_figures_have_no_links_and_lie_in_the_runs_folder(done):
    _, path, _, _ = done
    drawn = {file.name for file in (path / "figures").iterdir()}
    assert {"odd-figures-links.svg", "odd-closed-shut.png", "figures-midway-x.svg"} <= drawn
    for file in (path / "figures").glob("*.svg"):
        text = file.read_text(encoding="utf-8")
        assert "javascript:" not in text
        assert "<script" not in text
    written = {file.parent for file in path.parents[1].rglob("*.svg")}
    assert written == {path / "figures"}
    assert not list(path.rglob("*.part"))
