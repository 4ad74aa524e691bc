"""The computers that have had a part in a run on a cluster: facts about each, noted in the run as it comes."""

from collections.abc import Mapping
from typing import Any

from gradsuite.experiment import Result
from gradsuite.running.executors.executor import Executor
from gradsuite.runs.machines import machine_name
from gradsuite.runs.store import Run


class Hosts:
    """Notes them; of a run that is measured on one machine alone there is nothing to note."""

    def __init__(self, run: Run, executor: Executor) -> None:
        """Go on with those that the run has."""
        self.run = run
        self.executor = executor
        self.known = dict(run.meta.get("hosts", {}))

    def here(self, machine: Mapping[str, Any]) -> None:
        """Note this machine, where a run that was begun on a cluster goes on."""
        if self.known:
            self._note({machine_name(machine): machine})

    def of(self, result: Result) -> None:
        """Note the machine that measured a trial, with all that the executor knows by now."""
        if result.machine and result.machine not in self.known:
            self._note(self.executor.machines())

    def _note(self, machines: Mapping[str, Mapping[str, Any]]) -> None:
        self.known |= machines
        self.run.note({"hosts": self.known})
