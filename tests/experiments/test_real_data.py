"""Real data: what is claimed, how much is explained, and one data set that is really learnt."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite_experiments.common.learning import of_curve
from gradsuite_experiments.real_data import laws
from gradsuite_experiments.real_data.experiment import RealData
from gradsuite_experiments.real_data.recipes import STUDIES

from tests.experiments.laboratory import measured, verdicts
from tests.experiments.planted import NEVER, curve

EXPERIMENT = RealData(load())
SEEN = {
    "digits": 0.981, "digits-pixels": 0.93, "mnist1d": 0.91, "japanese-vowels": 0.96, "language": 1.8, "sunspots": 0.4,
    "co2": 0.1, "macro": 0.5, "sp500-returns": 0.38, "sp500-volatility": 0.79,
}  # fmt: skip


def planted(changes=None, **settings):
    """Return the rows of networks with these scores on the test, beside baselines."""
    scores = {**SEEN, **(changes or {})}

    def measure(backend: Any, device: str, at: Any) -> Iterator[list[Measurement]]:
        rows = [Measurement(laws.BASELINE, one, index=k, note=f"simple {k}") for k, one in enumerate((2.4, 1.91))]
        for seed in range(at["seeds"]):
            rows += [*of_curve(curve(NEVER, 10), seed), Measurement(laws.TEST, scores[at["data"]], member=seed)]
            numbers = zip((laws.EXPLAINED, laws.LOW, laws.HIGH), (0.001, -0.004, 0.006), strict=True)
            rows += [Measurement(name, number, member=seed) for name, number in numbers]
        yield rows

    with patch.object(EXPERIMENT, "measure", measure):
        return measured(EXPERIMENT, preset="full", **settings)


def test_what_was_seen_is_what_is_claimed():
    claims = verdicts(EXPERIMENT, planted())
    assert sorted(claims) == [f"real-data/{name}" for name in sorted([*laws.BOUNDS, "language"])]
    assert {claim.verdict for claim in claims.values()} == {"holds"}


@pytest.mark.parametrize(
    ("data", "score"),
    [("digits", 0.969), ("digits-pixels", 0.91), ("mnist1d", 0.87), ("japanese-vowels", 0.93), ("language", 1.92)],
)
def test_a_worse_score_turns_its_claim_red(data, score):
    failing = [
        claim.name for claim in verdicts(EXPERIMENT, planted({data: score})).values() if claim.verdict == "fails"
    ]
    assert failing == [f"real-data/{data}"]


def test_claims_notice_a_score_off_by_their_resolution():
    for claim in verdicts(EXPERIMENT, planted()).values():
        data = claim.name.removeprefix("real-data/")
        sign = 1 if claim.relation == "<=" else -1
        for size, verdict in ((1.01, "fails"), (0.99, "holds")):
            changed = {data: SEEN[data] * (1 + sign * size * claim.resolution.size)}
            assert verdicts(EXPERIMENT, planted(changed))[claim.name].verdict == verdict


def test_a_share_of_a_recipe_claims_nothing():
    assert verdicts(EXPERIMENT, planted(share=[0.5])) == {}


def test_the_mean_explains_nothing_and_the_truth_everything():
    rng = np.random.default_rng(0)
    targets = rng.standard_normal((4000, 1))
    assert laws.explained(np.zeros((4000, 1)), targets, np.zeros(1)) == (0.0, 0.0, 0.0)
    assert laws.explained(targets, targets, np.zeros(1))[0] == 1.0


def test_the_interval_covers_what_there_is_to_explain_as_often_as_it_says():
    # Forecasts a of a + b with variances .2 and .8: R^2 is .2. Over 400 draws the share that a 95% interval covers has
    # a standard deviation of .011; five of them.
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        a, b = np.sqrt(0.2) * rng.standard_normal((500, 1)), np.sqrt(0.8) * rng.standard_normal((500, 1))
        _, low, high = laws.explained(a, a + b, np.zeros(1))
        covered += low <= 0.2 <= high
    assert covered / 400 == pytest.approx(0.95, abs=5 * 0.011)


def test_the_figure_the_findings_and_the_table_say_what_was_measured():
    rows = planted()
    claims = list(verdicts(EXPERIMENT, rows).values())
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, claims)
    titles = [axes.get_title() for axes in figure.figure.axes if axes.get_visible()]
    assert titles == [study.title for study in STUDIES.values()]
    findings = list(EXPERIMENT.findings(rows, claims))
    assert findings[-2].startswith("Of daily returns of the S&P 500, R^2 = 0.001 [-0.004, 0.006] is forecast: next to")
    (table,) = EXPERIMENT.tables(rows, claims)
    assert table.rows["data"].tolist() == [study.title for study in STUDIES.values()]


def test_sunspots_are_really_learnt_a_little():
    rows = measured(EXPERIMENT, data=["sunspots"], share=[0.2])
    scores = rows[rows["metric"] == laws.TEST]["value"]
    assert np.isfinite(scores).all()
    assert (scores < 1.5).all()  # the mean of the years to 1920 has 2.2 on those years of large maxima
