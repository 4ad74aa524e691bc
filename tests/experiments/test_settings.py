"""What all experiments agree on: one setting name has one meaning, and every preset gives every setting a value."""

import pytest
from gradsuite.plugins import load

EXPERIMENTS = load().all_experiments()


def test_a_setting_has_one_meaning_in_all_experiments():
    meanings = {}
    for experiment in EXPERIMENTS:
        for setting in experiment.settings:
            meanings.setdefault(setting.name, {}).setdefault(setting.help, []).append(experiment.name)
    assert {name: helps for name, helps in meanings.items() if len(helps) > 1} == {}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_every_preset_gives_every_setting_a_value(experiment):
    for preset in experiment.presets:
        grid = experiment.grid(preset, {})
        assert list(grid) == [setting.name for setting in experiment.settings]
        assert all(grid.values())
        assert any(True for _ in experiment.trials(grid))
