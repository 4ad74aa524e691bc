"""The main job: plan the trials, have them measured, and store each as it comes; what is then published of the run."""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from logging import INFO
from types import MappingProxyType
from typing import Any

from gradsuite import __version__
from gradsuite.alias import original, tuned
from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError
from gradsuite.experiment import STATUSES, Trial
from gradsuite.machine.facts import machine, without_paths
from gradsuite.plugins import Plugins
from gradsuite.report.facts import tuned_with
from gradsuite.report.processes import Processes
from gradsuite.running import plan
from gradsuite.running.ahead import Ahead
from gradsuite.running.attempts import Attempts
from gradsuite.running.availability import Availability, asked_backend, default_backends, survey
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors import open_executor
from gradsuite.running.executors.executor import Executor, Group, Halted, Say
from gradsuite.running.folder import new_run
from gradsuite.running.hosts import Hosts
from gradsuite.running.interruption import resuming
from gradsuite.running.keys import Keys, anew, missing, other_code
from gradsuite.running.log import event, logged
from gradsuite.running.outcomes import outcomes, untimed
from gradsuite.running.outgrown import Outgrown
from gradsuite.running.progress import Progress
from gradsuite.running.publication import Publication
from gradsuite.running.room import Fit, Room
from gradsuite.running.selection import Selection
from gradsuite.running.shard import Shard
from gradsuite.runs.database import Unwritable
from gradsuite.runs.meta import now
from gradsuite.runs.names import make_latest
from gradsuite.runs.store import Run
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.origin import Origin


class Job:
    """One invocation of `gradsuite run`; what it tells the user goes to `say`, one line at a time."""

    def __init__(
        self,
        configuration: Configuration,
        plugins: Plugins,
        say: Say,
        progress: type[Progress] = Progress,
        news: Say | None = None,
        *,
        origins: Mapping[str, Origin] = MappingProxyType({}),
    ) -> None:
        """Check all that can be checked without a worker. Raises UserError.

        What is no trouble is told to `news`, where it is given. `origins` say where backends' code is from, by second
        name, such as `NAME@REF`.
        """
        self.origins = origins
        self.configuration = configuration
        self.plugins = plugins
        self.say = say
        self.news = news or say
        self.progress = progress
        self.attempts = Attempts(plugins, say)
        self.stop: KeyboardInterrupt | None = None  # what stopped it before its end
        self.study = plan.study(plugins, configuration.experiment, configuration.preset, configuration.set)
        for name in configuration.backend:
            plugins.find("backend", name) if name in origins else asked_backend(plugins, name)
        self.machine = machine(configuration.threads)
        asked = self._select(list(dict.fromkeys(configuration.backend)) or self._default())
        environment = WorkerEnvironment(plugins, self.machine)
        self.tuning = {name: environment.tuning(name) for name in asked} if configuration.tuned else {}
        self.asked = [tuned(name) if self.tuning.get(name) else name for name in asked]

    def run(self, unfinished: Run | None = None, processes: Processes | None = None) -> tuple[Run, bool]:
        """Measure all trials in a new run, or those of an unfinished run that are missing or failed.

        Where a core has nothing to measure, these `processes` make sections of its report meanwhile.
        Returns the run, and whether it came to its end: if the user stopped it, what was finished is stored.
        """
        with open_executor(self.configuration, self.plugins, self.machine, self.origins, self.say) as executor:
            availability = self.survey(executor)
            meta = self._meta(executor, availability)
            if unfinished and unfinished.meta.get("data", {}) != meta["data"]:
                raise UserError(f"{unfinished.path} was begun with other data: {', '.join(meta['data'])} has changed")
            asked = self.configuration
            run = unfinished or new_run(asked.out, asked.preset, asked.name, meta | {"started": now()})
            try:
                self._make_latest(run)
                for lost in availability.unavailable:
                    self.say(f"not available: {lost}")
                self.attempts.tell_faults()
                if self.configuration.tuned:
                    self.news(f"tuned: {tuned_with(meta)}")
                with run.writing():
                    if unfinished:
                        # What was not available at its start still explains what it lacks.
                        run.note(meta | {"resumed": now(), "unavailable": run.meta.get("unavailable", [])})
                    wrong = self._preflight(executor, availability)
                    # Kept until the end: a resumed run that is stopped has yet to measure what was invalid before.
                    doubted = {*run.meta.get("doubted", ()), *wrong}
                    run.note({"preflight": wrong, "doubted": sorted(doubted)})
                    self._measure(run, executor, availability.available, wrong, doubted, processes)
                    run.note({"finished": now(), "doubted": sorted(wrong)})
            except KeyboardInterrupt as stop:
                self.stop = stop
                return run, False
            except (Halted, Unwritable) as error:
                raise UserError(f"{error}; {resuming(run.path)}") from error
        self._make_latest(run)  # another may have been begun meanwhile
        return run, True

    def publication(self, run: Run, processes: Processes | None = None) -> Publication:
        """Return what is to be published of its run, by processes that may have begun with it."""
        experiments = [experiment.name for experiment in self.study.experiments]
        return Publication(run, experiments, self.plugins, self.attempts, self.say, self.news, processes)

    def planned(self, backends: Collection[str]) -> list[list[Trial]]:
        """Return the trials on those of the backends asked for that are available, those of one setting together."""
        groups: Sequence[Group] = self.study.groups(self.asked, self.configuration.device)
        if self.configuration.shard is not None:
            groups = Shard.parse(self.configuration.shard).of(groups)
        return [[trial for trial in group if trial.backend in backends] for group in groups]

    def survey(self, executor: Executor) -> Availability:
        """Ask the backends what they are. Raises UserError if one that was named, or every one, is not available."""
        availability = survey(self.plugins, executor, self.study.backends(self.asked))
        availability.require(self.asked if self.configuration.backend else ())
        availability.require_device(self.configuration.device)
        return availability

    def keys(self, backends: Mapping[str, BackendInfo]) -> Keys:
        """Return the keys of its trials on these backends."""
        return Keys(self.plugins, backends, files=self.study.files, origins=self.origins)

    def _default(self) -> list[str]:
        """Return the backends that are measured when none is named, as far as no plugin of theirs is blocked."""
        peers = [name for name in self.study.peers() if name in self.plugins.backends]
        return [*default_backends(self.plugins), *peers]

    def _select(self, asked: list[str]) -> list[str]:
        """Keep the trials that are selected, and return the backends that have any. Raises UserError if none is left.

        What was to be left out and is not there is said: it may be misspelled.
        """
        selection = Selection(self.configuration.select, self.configuration.exclude)
        if selection == Selection():
            return asked
        device = self.configuration.device
        for glob in selection.useless(chain.from_iterable(self.study.groups(asked, device))):
            self.say(f"--exclude {glob!r} matches no experiment, backend or trial here: nothing is left out by it")
        self.study = self.study.selecting(selection, asked, device)
        measured = {original(trial.backend) for trial in chain.from_iterable(self.study.groups(asked, device))}
        return [name for name in asked if original(name) in measured]

    def _meta(self, executor: Executor, availability: Availability) -> dict[str, Any]:
        experiments = [experiment.name for experiment in self.study.experiments]
        resolved = replace(
            self.configuration,
            experiment=experiments,
            backend=[name for name in self.asked if name in availability.available],
            threads=self.machine["threads"],
        )
        return {
            "gradsuite": __version__,
            "configuration": resolved.stored(),
            "experiments": experiments,
            "preset": self.configuration.preset,
            "apart": list(self.study.apart),
            "settings": dict(self.configuration.set),
            "data": {name: pin.digest for name, pin in self.study.pins.items()},
            "device": self.configuration.device,
            "backends": {name: asdict(info) for name, info in availability.available.items()},
            "unavailable": [asdict(lost) | {"reason": without_paths(lost.reason)} for lost in availability.unavailable],
            "machine": executor.machine(),
            "origins": sorted(self.origins),
            "tuned": {tuned(name): variables for name, variables in self.tuning.items() if variables},
        }

    def _preflight(self, executor: Executor, availability: Availability) -> dict[str, str]:
        """Return what is wrong with which backends' gradients, and say so; nothing if the user does not ask."""
        if self.configuration.no_preflight:
            return {}
        available, device = list(availability.available), self.configuration.device
        wrong = executor.preflight(available, device, self.study.cells())
        for backend, reason in wrong.items():
            self.say(
                f"wrong gradients: {backend}: {reason}; its trials are invalid (type: gradsuite check "
                f"{original(backend)}; to measure them all the same: --no-preflight)"
            )
        return wrong

    def _measure(
        self,
        run: Run,
        executor: Executor,
        backends: Mapping[str, BackendInfo],
        wrong: Mapping[str, str],
        doubted: Collection[str],
        processes: Processes | None,
    ) -> None:
        """Have every trial measured that has no final result yet."""
        keys = self.keys(backends)
        planned = self.planned(backends)
        fit = Fit(self.study.experiments, executor.room())
        before = Room.stored(run.meta)
        stored = fit.reconsidered(run.statuses(), chain.from_iterable(planned), keys, before)
        groups = missing(planned, stored, keys, doubted)
        run.note({"room": fit.room.least(before), "planned": sum(map(len, planned)), "together": untimed(planned)})
        total = sum(map(len, groups))
        self.news(f"{run.path}: {total} of {sum(map(len, planned))} trials to measure, on {', '.join(backends)}")
        if again := anew(groups, run.trials()):
            self.news(f"{again} of them again: {other_code(run.meta.get('code'), keys.code)}")
        else:  # until they are measured, the run still says with which code they were
            run.note({"code": keys.code})
        if self.study.apart:
            left_out = ", ".join(self.study.apart)
            self.news(f"left out of the preset {self.configuration.preset}, unless they are named: {left_out}")
        statuses: Counter[str] = Counter()
        hosts = Hosts(run, executor)
        if self.configuration.executor == "local":
            hosts.here(self.machine)
        log = logged(run.path, self.configuration.log_level)
        with log, self.progress(total, self.study.varied()) as progress:
            event(INFO, "run started", pid=os.getpid(), trials=total)
            outgrown = Outgrown(self.study.experiments)
            ahead = Ahead(run, self.plugins, processes, planned, groups)
            for trial, result in outcomes(groups, backends, wrong, fit, executor, outgrown.result, ahead.step):
                hosts.of(result)
                result = run.add(trial, keys(trial), result)
                ahead.stored(trial)
                outgrown.note(trial, result)
                statuses[result.status] += 1
                progress.advance(trial, result)
                self.attempts.hook("trial_finished", trial=trial, result=result)
            event(INFO, "run ended", **statuses)
        run.note({"code": keys.code})
        if statuses:
            self.news(", ".join(f"{statuses[status]} {status}" for status in STATUSES if statuses[status]))

    def _make_latest(self, run: Run) -> None:
        self.attempts.step("no link to the latest run", lambda: make_latest(run.path))
