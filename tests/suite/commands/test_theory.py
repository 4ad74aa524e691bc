"""`gradsuite theory`: the numbers of the closed forms, as text and as JSON, and one line for what cannot be."""

import json
import math

import numpy as np
import pytest
from gradsuite.__main__ import main
from gradsuite.commands import gradsuite

# Independent of the package: published numbers, or elementary closed forms. Ten digits are printed.
NUMBERS = {
    "mean-field --activation tanh --sigma-w 1.5 --sigma-b 0.05": {
        "q_star": 0.7983871143,
        "chi_1": 1.1367077841,
        "ln_chi_1": math.log(1.1367077841),
        "depth_scale_layers": -1 / math.log(1.1367077841),
        "verdict": "exploding",
    },
    "mean-field --activation tanh --sigma-w 1 --sigma-b 1": {
        "q_star": 1.4638508911,
        "chi_1": 0.3988790065,
        "critical_sigma_w": math.sqrt(3.44321091),
        "verdict": "vanishing",
    },
    "mean-field --activation sigmoid --sigma-w 4": {"q_star": 5.8554035644, "chi_1": 0.3988790065},
    "mean-field --activation relu --sigma-w 1.4142135623730951": {"chi_1": 1.0, "verdict": "critical"},
    "mean-field --activation identity --sigma-w 0.5 --sigma-b 1": {"q_star": 4 / 3, "chi_1": 0.25},
    "driven-rnn --gain 1.25 --noise 0.25": {"rate_per_step": -0.2395, "lyapunov_exponent": -0.2395 / 2},
    "driven-rnn --gain 2 --noise 0.25": {"rate_per_step": 0.2408, "critical_gain": 1.54967, "verdict": "exploding"},
    "driven-rnn --gain 1 --noise 0.05": {"critical_gain": 1.32701, "pascanu_sufficient_gain": 0.5},
    "driven-rnn --gain 1": {"critical_gain": 1.0, "rate_per_step": 0.0, "verdict": "critical"},
    "gates": {
        "factor_per_step": 0.5,
        "half_life_steps": 1.0,
        "factor_after_steps": 0.5**100,
        "lstm_critical_gain": 2.0,
    },
    "gates --forget-bias 1 --steps 10 --t-max 100": {
        "factor_per_step": 0.731059,
        "half_life_steps": 2.213,
        "lstm_critical_gain": 1.07577,
        "gru_critical_gain": 2.0,
        "chrono_mean_factor_after_steps": 0.73259,
    },
    "gates --forget-bias 3 --t-max 100": {"half_life_steps": 14.266, "chrono_mean_factor_after_steps": 0.14965},
    # psi(1 / 2) = -gamma - 2 ln 2 and psi'(1 / 2) = pi^2 / 2, of one unit.
    "linear --width 1 --depth 3 --sigma-w 1": {
        "linear_ln_ratio_mean": -3 * (np.euler_gamma + math.log(2)),
        "linear_ln_ratio_sd": math.pi * math.sqrt(1.5),
        "linear_ln_mean_ratio": 0.0,
        "relu_ln_mean_ratio": -3 * math.log(2),
        "relu_ln_ratio_sd": math.pi * math.sqrt(1.5),  # given that it is active
    },
    # dh_3/da = 1 + 2 a, of which the last step sees h_2 = 1 + a.
    "truncation --weight 0.5 --steps 3 --horizon 1": {"relative_bias": 0.25, "a_to_the_horizon": 0.5},
    "truncation --weight 0.9 --steps 2000 --horizon 20": {"relative_bias": 0.9**20},
    "latch --weight 1.25": {"fixed_point": 0.71041178, "factor_per_step": 0.61914387, "sigmoid_factor_at_most": 0.3125},
    "latch --weight 2": {"fixed_point": 0.95750402, "factor_per_step": 0.16637209, "verdict": "vanishing"},
}
# Of what was published with fewer digits than are printed: half a unit in its last digit.
HALF_A_UNIT = {"rate_per_step": 5e-5, "half_life_steps": 5e-4, "factor_per_step": 5e-7, "lyapunov_exponent": 3e-5}


def theory(arguments, capsys):
    """Return exit status and what was printed on standard output and error."""
    status = gradsuite.main(["theory", *arguments.split()], standalone_mode=False)
    return status, *capsys.readouterr()


@pytest.mark.parametrize("arguments", NUMBERS)
def test_json_has_the_closed_forms(arguments, capsys):
    status, out, _ = theory(f"{arguments} --json", capsys)
    found = json.loads(out)
    assert not status
    for name, expected in NUMBERS[arguments].items():
        tolerance = HALF_A_UNIT.get(name, 5e-6 if "critical" in name or "chrono" in name else 1e-8)
        assert found[name] == (expected if isinstance(expected, str) else pytest.approx(expected, abs=tolerance)), name


@pytest.mark.parametrize("arguments", NUMBERS)
def test_text_says_what_json_says(arguments, capsys):
    _, text, _ = theory(arguments, capsys)
    _, data, _ = theory(f"{arguments} --json", capsys)
    lines = dict(line.split() for line in text.splitlines())
    for name, value in json.loads(data).items():
        if isinstance(value, str):
            assert lines[name] == value
        else:
            assert float(lines[name]) == (math.inf if value is None else pytest.approx(value, rel=1e-9))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("mean-field --activation relu --sigma-w 2", "q_star"),
        ("mean-field --sigma-w 1", "depth_scale_layers"),
        ("mean-field --sigma-w 0", "ln_chi_1"),
        ("gates --forget-bias 800", "half_life_steps"),
    ],
)
def test_what_is_infinite_is_null(arguments, name, capsys):
    assert json.loads(theory(f"{arguments} --json", capsys)[1])[name] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("mean-field", "Missing option '--sigma-w'"),
        ("mean-field --sigma-w -1", "sigma_w must be at least 0, not -1"),
        ("mean-field --sigma-w nan", "sigma_w must be a number, not 'nan'"),
        ("mean-field --sigma-w 1 --activation tnah", "unknown activation 'tnah'; did you mean 'tanh'?"),
        ("driven-rnn --gain 1 --noise -1", "noise must be at least 0, not -1"),
        ("driven-rnn --gain two", "gain must be a number, not 'two'"),
        ("gates --steps 0", "steps must be at least 1, not 0"),
        ("gates --forget-bias nan", "forget_bias must be a number, not 'nan'"),
        ("gates --t-max 2", "t_max must be more than 2, not 2"),
        ("linear --width 0 --depth 1 --sigma-w 1", "width must be at least 1, not 0"),
        ("linear --width 1 --depth 1 --sigma-w 0", "sigma_w must be at least 0.001, not 0"),
        ("truncation --weight 2 --steps 5000 --horizon 1", "more than a float holds: choose fewer steps"),
        ("truncation --weight nan --steps 5 --horizon 1", "weight must be a number, not 'nan'"),
        ("latch --weight -1", "weight must be more than -1, not -1"),
        ("truncation --weight -0.5 --steps 3 --horizon 1", "dh_3/da is 0 where a = -0.5: it has no relative error"),
        ("lacth --weight 1", "No such command 'lacth'"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_status_2(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["gradsuite", "theory", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_gate_that_is_shut_forgets_at_once(capsys):
    status, out, _ = theory("gates --forget-bias -1000 --json", capsys)
    assert not status
    assert json.loads(out)["factor_per_step"] == 0.0
    assert json.loads(out)["half_life_steps"] == pytest.approx(math.log(2) / 1000)
