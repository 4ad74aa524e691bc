"""Rates against closed forms, and what the command line says for them."""

import pytest
from gradsuite.errors import UserError
from gradsuite.optimizers import SGD
from gradsuite.training.rates import Constant, Cosine, Step, Warmup, rate
from gradsuite.training.recipe import Recipe


def test_a_cosine_falls_from_one_to_zero_and_stays():
    found = [Cosine(4).factor(step) for step in range(7)]
    assert found == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0, 0, 0], abs=2**-52)


def test_a_stair_is_a_power():
    assert [Step(3, 0.5).factor(step) for step in range(8)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_a_warm_up_ends_at_one_and_the_other_rate_counts_from_there():
    assert [Warmup(4).factor(step) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert [Warmup(2, Step(1, 0.5)).factor(step) for step in range(5)] == [0.5, 1, 1, 0.5, 0.25]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("constant", Constant()),
        ("cosine", Cosine(500)),
        ("step:1000:0.5", Step(1000, 0.5)),
        ("warmup:100", Warmup(100)),
        ("warmup:100+cosine", Warmup(100, Cosine(400))),
        ("warmup:20+step:10:.1", Warmup(20, Step(10, 0.1))),
        ("warmup:20+constant", Warmup(20, Constant())),
    ],
)
def test_a_rate_is_named_in_a_word(text, meant):
    assert rate(text, steps=500) == meant


ALLOWED = (
    "rate must be constant, cosine, step:EVERY:FACTOR, warmup:STEPS or warmup:STEPS+RATE, such as warmup:100+cosine"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosin", f"{ALLOWED}, not 'cosin'"),
        ("", f"{ALLOWED}, not ''"),
        ("cosine:3", f"{ALLOWED}, not 'cosine:3'"),
        ("step:10", f"{ALLOWED}, not 'step:10'"),
        ("step:ten:0.5", f"{ALLOWED}, not 'step:ten:0.5': 'ten' is no number"),
        ("warmup:0.5", f"{ALLOWED}, not 'warmup:0.5': '0.5' is no number"),
        ("cosine+warmup:3", f"{ALLOWED}, not 'cosine+warmup:3'"),
        ("warmup:3+", f"{ALLOWED}, not ''"),
        ("step:0:0.5", "a stair must have at least 1 step between changes, not 0"),
        ("step:5:0", "the factor of a stair must be above 0 and at most 1, not 0.0"),
        ("step:5:nan", "the factor of a stair must be above 0 and at most 1, not nan"),
        ("step:5:2", "the factor of a stair must be above 0 and at most 1, not 2.0"),
        ("warmup:0", "a warm-up must have at least 1 step, not 0"),
        ("warmup:500+cosine", "a warm-up of 500 steps must end before the training does, after 500"),
    ],
)
def test_what_is_no_rate_is_said_in_one_line(text, message):
    with pytest.raises(UserError) as error:
        rate(text, steps=500)
    assert str(error.value) == message


def test_a_recipe_has_an_optimizer_for_every_step():
    recipe = Recipe(optimizer=SGD(lr=0.2, clip_norm=1.0), rate=Step(2, 0.5), steps=5000)
    assert [recipe.optimizer_at(step) for step in range(3)] == [
        SGD(lr=0.2, clip_norm=1.0),
        SGD(lr=0.2, clip_norm=1.0),
        SGD(lr=0.1, clip_norm=1.0),
    ]
    assert recipe.optimizer_at(4999).lr == 0.0  # 0.2 x 2^-2499 is less than the least double
