"""The key of each trial: a hash of what is measured, with which versions, by whose code, and of which files."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING

from gradsuite import __version__
from gradsuite.alias import original
from gradsuite.backend import BackendInfo
from gradsuite.experiment import Trial
from gradsuite.hookspecs import GROUP
from gradsuite.hosting.registration import Registration
from gradsuite.plugins import Plugins
from gradsuite.running.sources import OWN, commands, digest, package, packages
from gradsuite.worker.origin import HERE, Origin

if TYPE_CHECKING:
    import pandas as pd

Identity = tuple[str, str, str, str]
FINAL = ("ok", "unsupported", "invalid")  # what --resume leaves alone


class Keys:
    """The keys of the trials on these backends; `code` is the state of all that they are measured with, by package."""

    def __init__(
        self,
        plugins: Plugins,
        backends: Mapping[str, BackendInfo],
        *,
        files: Mapping[str, str] = MappingProxyType({}),
        origins: Mapping[str, Origin] = MappingProxyType({}),
    ) -> None:
        """Look at the sources of each plugin once. `files` are the digests of files that settings name, by name.

        `origins` say which backends' code is not from here.
        """
        self.plugins = plugins
        self.points = {point.name: point for point in entry_points(group=GROUP)}
        self.files = files
        self.origins = origins
        self.versions = {name: {**info.versions, "gradsuite": __version__} for name, info in backends.items()}
        self.code = {OWN: package(OWN).state()}
        self.parts: dict[tuple[str, str], dict[str, str]] = {}

    def __call__(self, trial: Trial) -> str:
        """Return the key of a trial of one of these backends."""
        code = {OWN: self.code[OWN], **self._of("backend", trial.backend), **self._of("experiment", trial.experiment)}
        for kind in ("cell", "task"):
            code |= self._of(kind, str(trial.settings.get(kind, "")).partition(":")[0])
        files = {name: self.files[value] for name, value in trial.settings.items() if value in self.files}
        return trial.key({**self.versions[trial.backend], "code": code, "files": files})

    def _of(self, kind: str, name: str) -> dict[str, str]:
        """Return the states of what something registered is made of; nothing for what is not registered."""
        if (kind, name) not in self.parts:
            known = self.plugins.registrations[kind].get(original(name))
            self.parts[kind, name] = dict(self._states(known, name)) if known else {}
            self.code |= self.parts[kind, name]
        return self.parts[kind, name]

    def _states(self, registration: Registration, name: str) -> Iterator[tuple[str, str]]:
        """Yield the packages and programs of what is registered, each with its state."""
        origin = self.origins.get(name, HERE)
        for one in packages(registration, self.points.get(registration.plugin), origin):
            mark = one.name if origin == HERE else f"{one.name} of {name}"
            yield mark, self.code.get(mark) or one.state()
        for place, file in enumerate(commands(registration)):
            yield f"{registration.name}[{place}]", digest(file)


def identity(trial: Trial) -> Identity:
    """Return what makes a trial the same in another run, whatever the versions."""
    return trial.experiment, trial.backend, trial.device, json.dumps(dict(trial.settings), sort_keys=True)


def anew(groups: Sequence[Sequence[Trial]], stored: "pd.DataFrame") -> int:
    """Return how many of these trials have a final result under another key: what measures them has changed."""
    final = stored[stored["status"].isin(FINAL)]
    known = set(final[["experiment", "backend", "device", "settings"]].itertuples(index=False, name=None))
    return sum(identity(trial) in known for group in groups for trial in group)


def missing(
    groups: Sequence[Sequence[Trial]], stored: Mapping[str, str], keys: Keys, doubted: Collection[str]
) -> list[list[Trial]]:
    """Return the trials that have no final result yet among the `stored` statuses by key.

    An invalid trial of a backend that is `doubted`, whose gradients are wrong or were when the run was begun, is not
    final.
    """

    def is_final(trial: Trial) -> bool:
        status = stored.get(keys(trial))
        return status in FINAL and not (status == "invalid" and trial.backend in doubted)

    return [[trial for trial in group if not is_final(trial)] for group in groups]


def other_code(before: Mapping[str, str] | None, now: Mapping[str, str]) -> str:
    """Return what has changed of that which trials are measured with, in words."""
    if before is None:
        return "the run does not say with which code they were measured"
    changed = [name for name, state in now.items() if before.get(name) != state]
    return f"{', '.join(changed)} has changed" if changed else "versions, or files that settings name, have changed"
