"""`gradsuite experiments`: the experiments and their settings."""

import json
from typing import TYPE_CHECKING, Any

import click

from gradsuite.commands._say import say

if TYPE_CHECKING:
    from gradsuite.experiment import Experiment
    from gradsuite.settings import Setting


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def experiments(as_json: bool) -> None:
    """List the experiments and their settings."""
    from gradsuite.commands._columns import columns
    from gradsuite.plugins import load

    plugins = load()
    experiments = plugins.all_experiments()
    if as_json:
        say(json.dumps([description(experiment) for experiment in experiments], indent=2))
        return
    for experiment in experiments:
        sizes = (
            f"{preset} ({count} trials{alone(experiment, preset)})" for preset, count in trials(experiment).items()
        )
        say(f"{experiment.name}: {experiment.question}\n  presets: {', '.join(sizes)}")
        rows = [(f"  --set {setting.name}=", setting.help + allowed(setting)) for setting in experiment.settings]
        say(columns(rows) + "\n")
    for lost in plugins.broken:
        say(f"not available: {lost}")


def trials(experiment: "Experiment") -> dict[str, int]:
    """Return the number of trials per backend in each preset."""
    from gradsuite.running.plan import grid_of, trials_of

    return {preset: len(trials_of(experiment, grid_of(experiment, preset, {}))) for preset in experiment.presets}


def alone(experiment: "Experiment", preset: str) -> str:
    """Return what there is to say where an experiment is no part of `gradsuite run` with a preset."""
    return ", only when it is named" if experiment.named or preset in experiment.apart else ""


def allowed(setting: "Setting") -> str:
    """Return the allowed words in brackets, for a setting that lists them."""
    return f" ({', '.join(setting.words())})" if setting.words() else ""


def description(experiment: "Experiment") -> dict[str, Any]:
    """Return what the JSON says of an experiment."""
    from gradsuite.running.plan import grid_of

    settings = [
        {"name": setting.name, "kind": setting.kind.__name__, "help": setting.help, "choices": setting.words()}
        for setting in experiment.settings
    ]
    return {
        "name": experiment.name,
        "question": experiment.question,
        "settings": settings,
        "named": {preset: bool(alone(experiment, preset)) for preset in experiment.presets},
        "presets": {preset: grid_of(experiment, preset, {}) for preset in experiment.presets},
        "trials": trials(experiment),
    }
