"""The report: one page that needs nothing but itself, its figures beside it as PNG and SVG."""

import re
from pathlib import Path

from gradsuite.errors import UserError, cause
from gradsuite.plugins import Plugins
from gradsuite.report import facts
from gradsuite.report.attached import attachments
from gradsuite.report.frame import Frame
from gradsuite.report.processes import Processes
from gradsuite.report.reproduce import commands, recipe
from gradsuite.report.section import Section, count
from gradsuite.report.sections import named, pieces, sections
from gradsuite.report.summary import summary
from gradsuite.runs.drafts import drafted
from gradsuite.runs.store import Run

FILE = "report.html"
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # a terminal's colours
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
FOLDER = "figures"


def write_report(run: Run, plugins: Plugins) -> Path:
    """Write report.html and figures/ into the run's folder, and return the page's path.

    Experiments are those of `plugins`. Raises UserError if they cannot be written; a page that was there stays then.
    """
    return write_page(run, drawn(run, plugins))


def drawn(run: Run, plugins: Plugins, *, judging: bool = False, processes: Processes | None = None) -> list[Section]:
    """Draw every figure into the run's folder, and return the sections; claims are judged anew if asked for.

    Sections are made as `sections` says. Raises UserError if there can be no folder for them.
    """
    return sections(run, plugins, figures(run), judging=judging, processes=processes)


def begin(run: Run, plugins: Plugins, processes: Processes) -> None:
    """Have these processes begin with what `drawn` then returns. Raises UserError as it does."""
    if plugins.found:
        processes.begin(pieces(run, named(run, plugins), figures(run), judging=True))


def figures(run: Run) -> Path:
    """Return the folder of the run's figures, which is there then. Raises UserError if it cannot be."""
    folder = run.path / FOLDER
    try:
        if folder.is_symlink():
            raise UserError(f"{str(folder)!r} is a link, and figures are written into the run's own folder: remove it")
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write the report into {str(run.path)!r}: {cause(error)}") from error
    return folder


def write_page(run: Run, made: list[Section]) -> Path:
    """Write report.html of these sections, and return its path. Raises UserError if it cannot be written."""
    page = run.path / FILE
    content = printable(render(run, made)).encode()
    try:
        with drafted(page) as output:
            output.write(content)
    except OSError as error:
        raise UserError(f"cannot write the report into {str(run.path)!r}: {cause(error)}") from error
    return page


def render(run: Run, made: list[Section]) -> str:
    """Return the page."""
    meta, trials = run.meta, run.trials()
    backends = meta.get("backends", {})
    frame = Frame([*backends, *trials["backend"]])
    for section in made:
        section.pictures = [frame.dressed(picture) for picture in section.pictures]
    return frame.page(
        "page.html",
        title=run.path.name,
        version=meta.get("gradsuite", ""),
        run=run,
        meta=meta,
        sections=made,
        attached=attachments(made),
        backends=list(frame.sheet.backends),
        statuses=count(trials),
        problems=facts.problems(trials),
        versions=facts.versions(backends),
        machine=facts.machine(meta.get("machine", {})),
        duration=facts.duration(meta),
        tuned=facts.tuned_with(meta),
        folder=FOLDER,
        summary=summary(meta, count(trials), made),
        recipe=recipe(meta),
        commands=commands(meta),
        unchecked=any(not claim.source.checked for section in made for claim in section.claims),
        has_csv=(run.path / "measurements.csv").exists(),
    )


def printable(text: str) -> str:
    """Return a text without a terminal's colours, and with a mark in place of what no page may hold."""
    return UNPRINTABLE.sub("\ufffd", ANSI.sub("", text))
