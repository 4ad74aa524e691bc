"""Pascanu's methods: what is claimed of published results and of others, and networks that really learn."""

import numpy as np
import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite_experiments.common.frames import values
from gradsuite_experiments.common.learning import LOSS, SHARE, SOLVED, SOLVED_AFTER
from gradsuite_experiments.pascanu.experiment import Pascanu
from gradsuite_experiments.pascanu.networks import STARTS, draw

from tests.experiments.laboratory import measured, verdicts
from tests.experiments.planted import NEVER, planted

EXPERIMENT = Pascanu(load())
# Networks of five that solve the task, by length.
LIKE_PUBLISHED = {
    "sgd": {10: 5, 20: 2, 50: 0, 75: 0},
    "clip": {10: 5, 20: 5, 50: 2, 75: 0},
    "omega": {10: 5, 20: 5, 50: 5, 75: 0},
}


def results(table=LIKE_PUBLISHED, **changes):
    """Return rows in which so many of the networks have solved the task, the first ones."""

    def after(settings, seed):
        return 500 if seed < table[settings["method"]][settings["length"]] else NEVER

    return planted(EXPERIMENT, after, **{"length": [10, 20, 50, 75], **changes})


def with_one(method, length, solved):
    return {**LIKE_PUBLISHED, method: {**LIKE_PUBLISHED[method], length: solved}}


def failing(rows):
    return [claim.name for claim in verdicts(EXPERIMENT, rows).values() if claim.verdict == "fails"]


def test_published_results_are_what_is_claimed():
    claims = verdicts(EXPERIMENT, results())
    assert {claim.verdict for claim in claims.values()} == {"holds"}
    assert set(claims) == {
        "pascanu/unsolved/sgd",
        "pascanu/solved/omega/basic",
        "pascanu/solved/omega/smart",
        "pascanu/order/clip",
    }
    assert {claim.resolution.quantity for claim in claims.values()} == {SHARE}


@pytest.mark.parametrize(
    ("method", "length", "solved", "claims"),
    [
        ("sgd", 50, 1, ["pascanu/unsolved/sgd"]),
        ("sgd", 75, 1, ["pascanu/unsolved/sgd", "pascanu/order/clip"]),
        ("omega", 50, 3, ["pascanu/solved/omega/basic", "pascanu/solved/omega/smart"]),
        ("omega", 10, 3, ["pascanu/solved/omega/basic", "pascanu/solved/omega/smart"]),
        ("clip", 20, 1, ["pascanu/order/clip"]),
        ("clip", 10, 4, ["pascanu/order/clip"]),
        ("omega", 50, 4, []),
        ("clip", 50, 0, []),
    ],
)
def test_one_result_that_is_not_as_published_turns_its_claim_red(method, length, solved, claims):
    assert sorted(failing(results(with_one(method, length, solved)))) == sorted(claims)


def test_every_claim_notices_as_many_networks_as_it_says():
    right = verdicts(EXPERIMENT, results())
    moved = {
        "pascanu/unsolved/sgd": lambda change: with_one("sgd", 75, change),
        "pascanu/solved/omega/basic": lambda change: with_one("omega", 50, 5 - change),
        "pascanu/order/clip": lambda change: with_one("clip", 10, 5 - change),
    }
    for name, table in moved.items():
        change = round(5 * right[name].resolution.size)
        assert name in failing(results(table(change)))
        assert name not in failing(results(table(change - 1)))


def test_other_networks_and_fewer_updates_claim_the_order_alone():
    for changes in ({"hidden_size": [20]}, {"updates": [100]}):
        rows = results(length=[10, 20], **changes)
        assert set(verdicts(EXPERIMENT, rows)) == {"pascanu/order/clip"}


def test_fewer_updates_do_not_count_as_not_solved():
    assert "pascanu/unsolved/sgd" not in verdicts(EXPERIMENT, results(length=[50], updates=[100]))


def test_a_network_learns_a_short_memory_and_its_curve_is_kept():
    rows = measured(EXPERIMENT, method=["clip"], length=[10], updates=[600])
    assert rows[rows["metric"] == SOLVED]["value"].tolist() == [1.0]
    (after,) = rows[rows["metric"] == SOLVED_AFTER]["value"]
    losses = rows[rows["metric"] == LOSS].set_index("index")["value"]
    assert after == losses.index.max() <= 600
    assert losses.iloc[-1] < np.log(4.0)


def test_omega_trains_otherwise_than_clipping_alone():
    curves = [values(measured(EXPERIMENT, method=[method], updates=[30]), LOSS) for method in ("clip", "omega")]
    assert np.isfinite(curves).all()
    assert abs(curves[0] - curves[1]).max() > 1e-4


def test_starts_are_those_of_the_paper():
    model = load().task("temporal-order").model("rnn", 50)
    basic, smart = (draw(model, STARTS[name], 0) for name in ("basic", "smart"))
    for parameters, deviation in ((basic, 0.1), (smart, 0.01)):
        assert not any(parameters[name].any() for name in parameters if "bias" in name)
        weights = np.concatenate([parameters[name].ravel() for name in ("weight_ih_l0", "readout.weight")])
        assert weights.std() == pytest.approx(deviation, rel=0.15)  # 500 of them: 3%, five times
    assert basic["weight_hh_l0"].std() == pytest.approx(0.1, rel=0.07)  # 2500
    assert max(abs(np.linalg.eigvals(smart["weight_hh_l0"]))) == pytest.approx(0.95)
    assert set(np.count_nonzero(smart["weight_hh_l0"], axis=1)) == {15}


def test_the_figure_the_table_and_the_finding_say_what_was_measured():
    rows = results()
    claims = list(verdicts(EXPERIMENT, rows).values())
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, claims)
    title = figure.figure.get_suptitle().replace("\n", " ")
    assert "with plain SGD up to T = 10, clipped SGD up to T = 20 and clipped SGD + Omega up to T = 50" in title
    assert title.endswith("4 of 4 claims hold")
    assert len(figure.figure.axes) == 6
    (table,) = EXPERIMENT.tables(rows, claims)
    assert table.rows["T = 50"].tolist() == ["0 of 5"] * 2 + ["2 of 5"] * 2 + ["5 of 5 (500)"] * 2
    (finding,) = EXPERIMENT.findings(rows, claims)
    assert finding == (
        "Of all networks, 0% with plain SGD, 40% with clipped SGD and 100% with clipped SGD + Omega solve the temporal "
        "order problem with T = 50."
    )


def test_what_was_published_is_in_the_legend_where_its_line_is_in_sight():
    rows = results()
    for longest, told in ((20, False), (50, True)):
        with style.context():
            (figure,) = EXPERIMENT.figures(rows[rows["length"] <= longest], [])
        entries = [text.get_text() for text in figure.figure.legends[0].get_texts()]
        assert any("published" in entry for entry in entries) == told
        assert ("published" in figure.caption) == told
