"""Who is called fastest: only where samples were not disturbed, and where the interval tells backends apart."""

import numpy as np
import pandas as pd
from gradsuite_experiments.speed.answers import matrix, race, verdicts

ROUNDS = 9


def samples(**seconds):
    noise = 1.0 + 0.01 * np.sin(np.arange(ROUNDS))
    return pd.DataFrame({name: value * np.roll(noise, k) for k, (name, value) in enumerate(seconds.items())})


def test_the_fastest_is_named_with_the_geometric_mean_of_its_workloads():
    one = race("rnn", [samples(numpy=2.0, jax=1.0), samples(numpy=8.0, jax=1.0)], settled=True)
    assert one.fastest == "jax"
    assert abs(one.ratios["numpy"].median - 4.0) < 0.2  # the geometric mean of 2 and 8, give or take the noise
    assert list(verdicts([one])) == ["A step of training is fastest with jax for rnn."]
    assert matrix([one]).rows.set_index("cell").loc["rnn", "jax"] == "fastest"


def test_backends_that_cannot_be_told_apart_are_too_close_to_call():
    one = race("rnn", [samples(numpy=1.0, jax=1.0)], settled=True)
    assert list(verdicts([one])) == ["Too close to call: rnn (numpy and jax)."]
    assert matrix([one]).rows.loc[0, ["numpy", "jax"]].str.contains("too close to call").all()


def test_nothing_is_fastest_where_all_was_disturbed():
    one = race("rnn", [samples(numpy=2.0, jax=1.0)], settled=False)
    (sentence,) = verdicts([one])
    assert sentence.startswith("Nothing is called fastest for rnn")
    assert not matrix([one]).rows.loc[0].str.contains("fastest").any()
