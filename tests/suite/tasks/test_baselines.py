"""What simple answers score: against simulation, closed forms, and figures that are published."""

import numpy as np
import pytest
from gradsuite.tasks.classifying import logistic_regression
from gradsuite.tasks.counting import count_model_bits
from gradsuite.tasks.score import ACCURACY, BITS, LOSS

from tests.suite.tasks.learnt import learnt


def test_knowing_one_number_leaves_the_variance_of_the_other():
    task, model = learnt("adding", 20)
    batch = task.batch(np.random.default_rng(1), model, size=20_000, length=20)
    numbers, marks = batch.inputs[..., 0], batch.inputs[..., 1]
    first = (numbers * marks)[:10].sum(axis=0)
    errors = np.square(first + 0.5 - batch.targets[:, 0])
    # The squared deviation of U(0, 1) has mean 1/12 and variance 1/80 - 1/144; five standard deviations of the mean.
    assert errors.mean() == pytest.approx(
        task.baselines(length=20)["one number known"], abs=5 * ((1 / 80 - 1 / 144) / 20_000) ** 0.5
    )
    assert task.baselines(length=20)["best constant"] == pytest.approx(1 / 6)


def test_knowing_one_symbol_leaves_a_guess_between_two_classes():
    task, model = learnt("temporal-order", 30)
    batch = task.batch(np.random.default_rng(1), model, size=20_000, length=30)
    first_is_b = batch.inputs[:15, :, 1].sum(axis=0)
    shares = [
        np.bincount(batch.targets[first_is_b == known], minlength=4) / np.sum(first_is_b == known) for known in (0, 1)
    ]
    best = np.mean([share.max() for share in shares])
    # Of two equal classes the larger share of n = 10,000 draws is above 1/2, by less than five of its .5 / sqrt(n).
    assert best == pytest.approx(task.baselines(length=30)["one symbol known"], abs=5 * 0.5 / 10_000**0.5)
    guess = np.bincount(batch.targets, minlength=4).max() / 20_000
    assert guess == pytest.approx(task.baselines(length=30)["a guess"], abs=5 * 0.43 / 20_000**0.5)  # sqrt(3) / 4 = .43


def test_all_bits_but_one_say_nothing_of_parity():
    task, model = learnt("parity", 6)
    batch = task.batch(np.random.default_rng(1), model, size=20_000, length=6)
    known = (batch.inputs[:-1, :, 0] > 0).sum(axis=0) % 2
    right = np.mean(known == batch.targets)
    assert right == pytest.approx(task.baselines(length=6)["a bit missed"], abs=5 * 0.5 / 20_000**0.5)


@pytest.mark.parametrize(("length", "nats"), [(30, 0.69315), (120, 0.17329)])
def test_who_forgets_the_symbols_of_copy_has_the_published_loss(length, nats):
    # Arjovsky et al. 2016 write T for the length less 20.
    assert learnt("copy", length)[0].baselines(length=length)["nothing remembered"] == pytest.approx(nats, abs=5e-6)


@pytest.mark.parametrize(("name", "symbols"), [("copy", 8), ("delayed-copy", 8), ("variable-copy", 8)])
def test_who_knows_when_to_answer_but_not_what_has_the_baseline(name, symbols):
    length, size = 40, 4000
    task, model = learnt(name, length)
    batch = task.batch(np.random.default_rng(2), model, size=size, length=length)
    asked = (batch.targets < symbols) & batch.valid
    outputs = np.zeros((*batch.targets.shape, task.output_size))
    outputs[..., symbols] = 100.0  # blank, for sure
    outputs[asked] = 0.0
    outputs[asked, symbols:] = -100.0  # any of the symbols
    total, count = task.score.total(model, outputs, batch)
    # Only how many symbols there are varies: K of variable-copy, uniform on 1 to 10, has a standard deviation of 2.87.
    # By the delta method that of the ratio of sums is (ln 8 / E L - 2 r / E L) 2.87 / sqrt(size), below .24 / E L.
    abs_error = 5 * 2.87 * np.log(8) / (length - 9) / size**0.5 if name == "variable-copy" else 1e-12
    assert total / count == pytest.approx(task.baselines(length=length)["nothing remembered"], abs=abs_error)


def test_sunspots_have_the_published_errors_of_linear_models():
    task, _ = learnt("sunspots", 12)
    # MSE over 1535 in the years to learn from, 1921 to 1955, and 1956 to 1979.
    for split, published, before in (
        ("train", 0.1285, 0.283),
        ("validation", 0.1262, 0.416),
        ("test", 0.3584, 0.940),
    ):
        assert task.autoregression(12, split) == pytest.approx(published, abs=5e-5)
        assert task.persistence(split=split) == pytest.approx(before, abs=5e-4)
    assert task.baselines(length=12) == pytest.approx({"the year before": 0.940, "AR(12)": 0.3584}, abs=5e-4)


def test_an_autoregression_of_its_own_making_leaves_its_noise():
    from statsmodels.tsa.ar_model import AutoReg

    task, _ = learnt("co2", 12)
    values, train = task.series.targets[:, 0], task.series.ends[0]
    fitted = AutoReg(values[:train], lags=12, trend="c").fit().params
    lags = np.stack([values[12 - k - 1 : len(values) - k - 1] for k in range(12)], axis=1)
    errors = values[12:] - fitted[0] - lags @ fitted[1:]
    first, end = task.series.bounds("test")
    assert task.autoregression(12) == pytest.approx(np.square(errors[first - 12 : end - 12]).mean(), rel=1e-9)


def test_a_month_of_volatility_is_the_mean_of_its_days():
    task, _ = learnt("sp500-volatility", 22)
    targets, (first, end) = task.series.targets[:, 0], task.series.bounds("test")
    errors = [targets[day] - targets[day - 22 : day].mean() for day in range(first, end)]
    assert task.historical(22) == pytest.approx(np.square(errors).mean(), rel=1e-12)


def test_returns_of_the_index_are_not_forecast_by_the_day_before():
    baselines = learnt("sp500-returns", 5)[0].baselines(length=5)
    assert baselines["the day before"] > 1.5 * baselines["mean return"]  # independent days would make it twice as large


def test_count_models_of_a_periodic_text_know_what_follows():
    text = np.array([0, 1, 2] * 50)
    zero, one = count_model_bits(text, text[:30], 1, 3)
    assert zero == pytest.approx(np.log2(3), rel=1e-12)  # each a third of the time, whatever the prior adds
    # After a context seen n = 50 times (49 after the last symbol), always followed by the same: (n + p) / (n + 1).
    short = [(50 + 1 / 3) / 51 if symbol < 2 else (49 + 1 / 3) / 50 for symbol in (2, 0, 1)]
    assert one == pytest.approx(-np.log2(short).mean(), rel=1e-3)


def test_a_count_model_spends_what_its_probabilities_say():
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 3, 200), rng.integers(0, 3, 40)
    total = 0.0
    for place, symbol in enumerate(test):
        before = (train if place == 0 else np.append(train, test[:place]))[-1]
        probabilities = []
        for chosen in range(3):
            p = (np.sum(train == chosen) + 3 / 3) / (len(train) + 3)
            follows = train[1:][train[:-1] == before]
            probabilities.append(
                (np.sum(follows == chosen) + len(set(follows)) * p) / (len(follows) + len(set(follows)))
            )
        assert sum(probabilities) == pytest.approx(1.0)
        total -= np.log2(probabilities[symbol])
    assert count_model_bits(train, test, 1, 3)[1] == pytest.approx(total / 40, rel=1e-12)


def test_logistic_regression_separates_what_a_line_separates():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 2)) + np.repeat([[5.0, 0.0], [-5.0, 0.0]], 100, axis=0)
    classes = np.repeat([0, 1], 100)
    assert logistic_regression(features[::2], classes[::2], features[1::2], classes[1::2]) == 1.0


def test_scores_are_those_of_scipy_and_of_a_count():
    from scipy.special import log_softmax

    rng = np.random.default_rng(0)
    outputs, classes = rng.standard_normal((7, 4)) * 30, rng.integers(0, 4, 7)
    by_scipy = -log_softmax(outputs, axis=-1)[np.arange(7), classes]
    np.testing.assert_allclose(LOSS["cross_entropy"].each(outputs, classes), by_scipy, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(BITS.each(outputs, classes), by_scipy / np.log(2), rtol=1e-12, atol=1e-14)
    assert ACCURACY.each(outputs, outputs.argmax(axis=-1)).sum() == 7
    assert ACCURACY.each(np.full((2, 3), np.nan), np.array([0, 1])).sum() == 0
    assert ACCURACY.reached(0.99, 0.99)
    assert not LOSS["mse"].reached(0.02, 0.01)
    assert LOSS["mse"].better(0.0, float("nan"))
    assert not ACCURACY.better(float("nan"), 0.0)
