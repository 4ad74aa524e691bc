"""Names that the shell completes, as the plugins register them and as runs lie there: no framework is imported."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from gradsuite.plugins import Plugins
    from gradsuite.settings import Setting

Complete = Callable[[click.Context, click.Parameter, str], list[str]]
Items = list[CompletionItem]


def registered(*kinds: str) -> Complete:
    """Return a completer for the names of `backend`, `cell`, `experiment` or `task`, or of several of them."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from gradsuite.plugins import load

        known = load().registrations
        return [name for name in sorted({*(n for kind in kinds for n in known[kind])}) if name.startswith(incomplete)]

    return complete


def plugins(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a plugin."""
    from gradsuite.hosting.points import installed

    return [name for name in sorted(installed()) if name.startswith(incomplete)]


def words(*allowed: str) -> Complete:
    """Return a completer for these words; any other word is refused where it is used, with a better message."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in allowed if word.startswith(incomplete)]

    return complete


def studies(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of an experiment, or a study file."""
    here = Path(incomplete).parent
    files = [str(path) for path in sorted(here.glob("*.toml")) if path.name != "pyproject.toml"]
    files += [f"{path}/" for path in sorted(here.glob("*/")) if "/" in incomplete]
    return registered("experiment")(ctx, parameter, incomplete) + [
        name for name in files if name.startswith(incomplete)
    ]


def runs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Complete a run: by its name if it is in `results`, or as any folder."""
    from gradsuite.runs.names import RESULTS

    found = sorted(path.parent.name for path in Path(RESULTS).glob("*/run.sqlite"))
    items = [CompletionItem(name) for name in found if name.startswith(incomplete)]
    return items or [CompletionItem(incomplete, type="dir")]


def settings(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Complete `KEY=V1,V2`: the name of a setting of the experiments that are asked for, or a word that it takes."""
    from gradsuite.plugins import load

    name, equals, values = incomplete.partition("=")
    # An option whose value is being typed ends click's parsing: the names before it are still in `args`.
    known = _settings_of(load(), [*(ctx.params.get("experiment") or ()), *ctx.args])
    if not equals:
        return [CompletionItem(f"{one}=", help=setting.help) for one, setting in known.items() if one.startswith(name)]
    before, comma, last = values.rpartition(",")
    allowed = known[name].words() if name in known else ()
    return [CompletionItem(f"{name}={before}{comma}{word}") for word in allowed if word.startswith(last)]


def _settings_of(plugins: "Plugins", names: Sequence[str]) -> "dict[str, Setting]":
    """Return the settings by name of these experiments, or of all."""
    asked = [name for name in names if name in plugins.experiments]
    experiments = [plugins.experiment(name) for name in asked] or plugins.all_experiments()
    return {setting.name: setting for experiment in experiments for setting in experiment.settings}
