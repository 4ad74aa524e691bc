"""What a figure does not tell apart is said, and what it does is not."""

import json

import pandas as pd
from gradsuite_experiments.common.folds import folded, varied


def rows(*settings, status="ok"):
    texts = [json.dumps(one) for one in settings]
    return pd.DataFrame({"status": status, "metric": "rate", "settings": texts})


def test_settings_of_several_values_are_said_in_order_unless_they_are_shown():
    found = rows(*({"seed": seed, "hidden_size": 64, "dtype": d, "gain": 0.5} for d in ("b", "a") for seed in (10, 2)))
    assert varied(found) == {"seed": [2, 10], "dtype": ["a", "b"]}
    assert folded(found) == " Not told apart here: seed 2 and 10; dtype a and b."
    assert folded(found, "seed", "gain") == " Not told apart here: dtype a and b."
    assert folded(found, "seed", "dtype") == ""


def test_what_was_not_measured_and_what_some_trials_alone_have_is_not_varied():
    found = pd.concat([rows({"seed": 1, "depth": 3}, {"seed": 1}), rows({"seed": 2}, status="error")])
    assert folded(found) == ""
