"""Which trials of a study are run: globs over experiments, backends and settings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from gradsuite.alias import original
from gradsuite.errors import UserError, quoted
from gradsuite.experiment import Trial

NEAR = 3  # words that are offered for a glob that matches nothing


@dataclass(frozen=True, slots=True)
class Selection:
    """Trials that match one of `select`, or all where it is empty, and none of `exclude`.

    A glob matches a trial by its experiment, its backend, one `setting=value`, or by all of them in one line, as in
    `gradient-time numpy * gain=2 *`.
    """

    select: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def __contains__(self, trial: Trial) -> bool:
        if not self.select and not self.exclude:
            return True
        found = words(trial)
        wanted = not self.select or any(matches(glob, found) for glob in self.select)
        return wanted and not any(matches(glob, found) for glob in self.exclude)

    def require(self, trials: Iterable[Trial]) -> None:
        """Raise UserError, with the nearest words, for a glob to select that matches no trial, or if none is left."""
        known = [words(trial) for trial in trials]
        for glob in self.select:
            if not any(matches(glob, found) for found in known):
                single = list(dict.fromkeys(word for found in known for word in found[:-1]))
                near = get_close_matches(glob, single, n=NEAR, cutoff=0.0)
                raise UserError(
                    f"-k {quoted(glob)} matches no experiment, backend or trial; the nearest: {', '.join(near)}"
                )

    def useless(self, trials: Iterable[Trial]) -> list[str]:
        """Return the globs to exclude that match nothing."""
        known = [words(trial) for trial in trials]
        return [glob for glob in self.exclude if not any(matches(glob, found) for found in known)]


def matches(glob: str, found: Iterable[str]) -> bool:
    """Return whether a glob matches one of these words."""
    return any(fnmatchcase(word, glob) for word in found)


def words(trial: Trial) -> list[str]:
    """Return what a glob may match of a trial: each word of it, and last the line that they make."""
    settings = [f"{name}={short(value)}" for name, value in trial.settings.items()]
    single = [trial.experiment, original(trial.backend), *settings]
    return [trial.backend, *single, " ".join(single)]


def short(value: Any) -> str:
    """Return a setting's value as one would type it: 2, not 2.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
