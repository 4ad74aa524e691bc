"""`gradsuite theory`: the closed-form numbers that measurements are compared with."""

import json
import math

import click

Numbers = dict[str, float | str]


@click.group()
def theory() -> None:
    """Print the closed-form numbers that measurements are compared with."""


def json_option(command: click.decorators.FC) -> click.decorators.FC:
    """Give a command `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="JSON object on standard output; infinite numbers are null."
    )(command)


@theory.command("mean-field")
@click.option("--activation", default="tanh", show_default=True, help="Activation: tanh, sigmoid, relu or identity.")
@click.option("--sigma-w", type=float, required=True, help="Scale of the weights, sqrt(N Var W).")
@click.option("--sigma-b", type=float, default=0.0, show_default=True, help="Standard deviation of the biases.")
@json_option
def mean_field(activation: str, sigma_w: float, sigma_b: float, as_json: bool) -> None:
    """Deep random networks: fixed point, factor per layer, depth scale, critical line."""
    from gradsuite.theory.mean_field import MeanField, critical_point

    field = MeanField(activation, sigma_w, sigma_b)
    chi = field.chi_1
    numbers: Numbers = {
        "q_star": field.fixed_point(),
        "chi_1": chi,
        "ln_chi_1": _log(chi),
        "depth_scale_layers": field.depth_scale,
        "critical_sigma_w": critical_point(activation, sigma_b)[0],
        "verdict": _verdict(chi),
    }
    _print(numbers, as_json)


@theory.command("driven-rnn")
@click.option("--gain", type=float, required=True, help="Gain of the recurrent weights, g = sqrt(N Var W).")
@click.option("--noise", type=float, default=0.0, show_default=True, help="Variance s^2 of the noise u_t.")
@json_option
def driven_rnn(gain: float, noise: float, as_json: bool) -> None:
    """Tanh RNN driven by noise: rate per step, Lyapunov exponent, critical gain."""
    from gradsuite.errors import UserError
    from gradsuite.theory import driven_rnn

    if not noise >= 0.0:
        raise UserError(f"noise must be a variance, at least 0, not {noise:g}")
    field = driven_rnn.mean_field(gain, noise)
    numbers: Numbers = {
        "q_star": field.fixed_point(),
        "chi_1": field.chi_1,
        "rate_per_step": driven_rnn.rate(gain, noise),
        "lyapunov_exponent": driven_rnn.lyapunov_exponent(gain, noise),
        "critical_gain": driven_rnn.critical_gain(noise),
        "pascanu_sufficient_gain": driven_rnn.PASCANU_GAIN,
        "verdict": _verdict(field.chi_1),
    }
    _print(numbers, as_json)


@theory.command()
@click.option("--forget-bias", type=float, default=0.0, show_default=True, help="Bias of f (LSTM) or z (GRU).")
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True, help="Steps k back in time.")
@click.option("--t-max", type=float, help="T_max of chrono initialisation.")
@json_option
def gates(forget_bias: float, steps: int, t_max: float | None, as_json: bool) -> None:
    """LSTM and GRU: factor and half-life for a forget bias, critical gains, chrono."""
    from gradsuite.theory import gates

    kept = gates.keep(forget_bias)
    numbers: Numbers = {
        "factor_per_step": kept,
        "half_life_steps": gates.half_life(forget_bias),
        "factor_after_steps": kept**steps,
        "lstm_critical_gain": gates.lstm_critical_gain(forget_bias),
        "gru_critical_gain": gates.gru_critical_gain(),
    }
    if t_max is not None:
        numbers["chrono_mean_factor_after_steps"] = gates.chrono_keep(steps, t_max)
    _print(numbers, as_json)


@theory.command()
@click.option("--weight", type=float, required=True, help="Weight w of h = tanh(w h).")
@json_option
def latch(weight: float, as_json: bool) -> None:
    """One tanh unit that stores a bit: its state, and its gradient's factor per step."""
    from gradsuite.theory import latch

    slope = latch.slope(weight)
    numbers: Numbers = {
        "fixed_point": latch.fixed_point(weight),
        "factor_per_step": slope,
        "factor_per_step_at_zero": weight,
        "sigmoid_factor_at_most": latch.sigmoid_bound(weight),
        "verdict": _verdict(abs(slope)),
    }
    _print(numbers, as_json)


@theory.command()
@click.option("--width", type=click.IntRange(min=1), required=True, help="Units N per layer.")
@click.option("--depth", type=click.IntRange(min=1), required=True, help="Number of layers L.")
@click.option("--sigma-w", type=float, required=True, help="Scale of the weights, sqrt(N Var W).")
@json_option
def linear(width: int, depth: int, sigma_w: float, as_json: bool) -> None:
    """Deep linear and relu networks, exact at any width: ln of |dL/dh|^2, from top to bottom."""
    from gradsuite.errors import UserError
    from gradsuite.theory import linear

    if not 0.0 < sigma_w < math.inf:
        raise UserError(f"sigma_w must be finite and more than 0, not {sigma_w:g}")
    numbers: Numbers = {
        "linear_ln_ratio_mean": linear.log_ratio_mean(width, depth, sigma_w),
        "linear_ln_ratio_sd": math.sqrt(linear.log_ratio_variance(width, depth)),
        "linear_ln_mean_ratio": 2.0 * depth * math.log(sigma_w),
        "relu_ln_mean_ratio": depth * math.log(sigma_w**2 / 2.0),
        "relu_ln_ratio_sd": math.sqrt(linear.relu_log_variance(width, depth)),
    }
    _print(numbers, as_json)


@theory.command()
@click.option("--weight", type=float, required=True, help="Weight a of h_t = a h_(t-1) + 1.")
@click.option("--steps", type=click.IntRange(min=2), required=True, help="Time steps T.")
@click.option("--horizon", type=click.IntRange(min=1), required=True, help="Steps k that the backward pass goes back.")
@json_option
def truncation(weight: float, steps: int, horizon: int, as_json: bool) -> None:
    """One linear unit under truncated BPTT: the relative error of dh_T/da."""
    from gradsuite.errors import UserError
    from gradsuite.theory import linear

    try:
        bias = linear.truncation_bias(weight, steps, horizon)
        limit = abs(weight) ** horizon
    except OverflowError:
        raise UserError(f"{weight:g}^{steps} is more than a float holds: choose fewer steps") from None
    if not math.isfinite(bias):
        raise UserError(f"weight must be finite, not {weight:g}")
    _print({"relative_bias": bias, "a_to_the_horizon": limit}, as_json)


def _log(number: float) -> float:
    return math.log(number) if number else -math.inf


def _verdict(factor: float) -> str:
    if math.isclose(factor, 1.0, abs_tol=1e-12):
        return "critical"
    return "vanishing" if factor < 1.0 else "exploding"


def _print(numbers: Numbers, as_json: bool) -> None:
    if as_json:
        finite = {name: None if value in (math.inf, -math.inf) else value for name, value in numbers.items()}
        click.echo(json.dumps(finite, indent=2))
        return
    width = max(map(len, numbers))
    for name, value in numbers.items():
        click.echo(f"{name:{width}}  {value if isinstance(value, str) else f'{value:.10g}'}")
