"""What is published of a run that was measured: its claims judged, a table, and a report, of which plugins are told."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from gradsuite.experiment import Table
from gradsuite.plugins import Plugins
from gradsuite.report.processes import Processes
from gradsuite.running.attempts import Attempts
from gradsuite.running.executors.executor import Say
from gradsuite.runs.export import write_measurements
from gradsuite.runs.store import Run

if TYPE_CHECKING:
    from gradsuite.report.section import Section


class Publication:
    """Makes it, and has the report's `sections` then; what fails is said, and costs nothing that was measured."""

    def __init__(
        self,
        run: Run,
        experiments: Collection[str],
        plugins: Plugins,
        attempts: Attempts,
        say: Say,
        news: Say,
        processes: Processes | None = None,
    ) -> None:
        """Publish this run, of which these experiments were asked for; what is no trouble is told to `news`.

        Its sections are made by these processes, which may have made some before.
        """
        self.run = run
        self.experiments = experiments  # a resumed run may have had others
        self.plugins = plugins
        self.attempts = attempts
        self.say = say
        self.news = news
        self.processes = processes
        self.sections: list[Section] = []

    def make(self) -> bool:
        """Judge the claims, write table and report, and tell the plugins; return whether all of it worked."""
        again = f"nothing measured is lost: gradsuite report {self.run.path}"
        unwritten = "the report could not be written"
        done = [
            self.attempts.step(unwritten, self._begin, again),
            self.attempts.step("measurements.csv could not be written", lambda: write_measurements(self.run), again),
            self.attempts.step(unwritten, self._draw, again),
            self.attempts.hook("run_finished", run=self.run),
        ]
        asked = [one for one in self.sections if one.name.partition("-machine-")[0] in self.experiments]
        return all(done) and all(one.judged for one in asked)

    def tables(self) -> list[Table]:
        """Return the tables of a run of one experiment; of several, the report has them."""
        alone = self.sections if len(self.experiments) == 1 else []
        return [table for section in alone for table in section.tables]

    def _begin(self) -> None:
        """Have sections made while a table is written."""
        from gradsuite.report.page import begin  # a fault in it must cost no run

        if self.processes is not None:
            begin(self.run, self.plugins, self.processes)

    def _draw(self) -> None:
        """Write the report; what an experiment could not make of its rows is said."""
        from gradsuite.report.page import drawn, write_page

        self.sections = drawn(self.run, self.plugins, judging=True, processes=self.processes)
        for section in self.sections:
            for trouble in section.troubles:
                self.say(f"{section.name}: {trouble}")
        self.news(f"report: {write_page(self.run, self.sections)}")
