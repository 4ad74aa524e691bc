"""Sections of a report that are made ahead, while a run is measured: of experiments whose trials are all there."""

from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain

from gradsuite.experiment import Trial
from gradsuite.plugins import Plugins
from gradsuite.report.processes import Processes
from gradsuite.running.executors.executor import Group
from gradsuite.runs.store import Run


class Ahead:
    """Makes them where the executor has a core with nothing to measure; what is not made ahead is made at the end."""

    def __init__(
        self,
        run: Run,
        plugins: Plugins,
        processes: Processes | None,
        planned: Iterable[Group],
        to_measure: Iterable[Group],
    ) -> None:
        """Take what is planned of the run, and what of it is yet to be measured; without `processes` make none."""
        self.run = run
        self.processes = processes if plugins.found else None  # others would not find these plugins
        self.left = Counter(trial.experiment for trial in chain.from_iterable(to_measure))
        every = dict.fromkeys(trial.experiment for trial in chain.from_iterable(planned))
        self.ready = deque(experiment for experiment in every if not self.left[experiment])

    def stored(self, trial: Trial) -> None:
        """Note that a trial's result is there."""
        self.left[trial.experiment] -= 1
        if not self.left[trial.experiment]:
            self.ready.append(trial.experiment)

    def step(self) -> bool:
        """Make the sections of an experiment, in whichever thread; return whether one was ready."""
        if not self.ready or self.processes is None:
            return False
        with suppress(Exception):  # a fault meets whoever makes the report, who says so
            self._make(self.ready.popleft(), self.processes)
        return True

    def _make(self, experiment: str, processes: Processes) -> None:
        from gradsuite.report.page import figures  # a fault in it must cost no run
        from gradsuite.report.sections import pieces

        processes.sections(pieces(self.run, [experiment], figures(self.run), judging=True))
