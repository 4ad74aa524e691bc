"""`gradsuite theory`: the closed-form numbers that measurements are compared with."""

import json
import math
from collections.abc import Callable
from typing import Any

import click

Numbers = dict[str, float | str]

SCALE = 1000.0  # of weights, beyond which nothing new happens
BIAS = 1e6
STEPS = 1e6  # terms of a sum that is taken one by one
WIDTH = 1e6  # units whose laws are added up one by one


@click.group()
def theory() -> None:
    """Print the closed-form numbers that measurements are compared with."""


def json_option(command: click.decorators.FC) -> click.decorators.FC:
    """Give a command `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="JSON object on standard output; infinite numbers are null."
    )(command)


def number(
    flag: str,
    kind: type[int] | type[float],
    meaning: str,
    *,
    default: float | None = None,
    optional: bool = False,
    **bounds: Any,
) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """Return an option that takes a number within `bounds`, those of a Setting; required if it has no default."""

    def parse(ctx: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        from gradsuite.settings import Setting  # imports NumPy: only now

        return None if text is None else Setting(str(parameter.name), kind, meaning, **bounds).parse(text)

    given: dict[str, Any] = {} if default is None else {"default": default, "show_default": True}
    return click.option(
        flag,
        type=click.STRING,
        required=default is None and not optional,
        metavar="INTEGER" if kind is int else "FLOAT",
        callback=parse,
        help=meaning,
        **given,
    )


@theory.command("mean-field")
@click.option("--activation", default="tanh", show_default=True, help="Activation: tanh, sigmoid, relu or identity.")
@number("--sigma-w", float, "Scale of the weights, sqrt(N Var W).", minimum=0, maximum=SCALE)
@number("--sigma-b", float, "Standard deviation of the biases.", default=0.0, minimum=0, maximum=SCALE)
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
@number("--gain", float, "Gain of the recurrent weights, g = sqrt(N Var W).", minimum=0, maximum=SCALE)
@number("--noise", float, "Variance s^2 of the noise u_t.", default=0.0, minimum=0, maximum=SCALE)
@json_option
def driven_rnn(gain: float, noise: float, as_json: bool) -> None:
    """Tanh RNN driven by noise: rate per step, Lyapunov exponent, critical gain."""
    from gradsuite.theory import driven_rnn

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
@number("--forget-bias", float, "Bias of f (LSTM) or z (GRU).", default=0.0, minimum=-BIAS, maximum=BIAS)
@number("--steps", int, "Steps k back in time.", default=100, minimum=1)
@number("--t-max", float, "T_max of chrono initialisation.", optional=True, minimum=2, above=True, maximum=STEPS)
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
@number("--weight", float, "Weight w of h = tanh(w h).", minimum=-1, above=True, maximum=SCALE)
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
@number("--width", int, "Units N per layer.", minimum=1, maximum=WIDTH)
@number("--depth", int, "Number of layers L.", minimum=1)
@number("--sigma-w", float, "Scale of the weights, sqrt(N Var W).", minimum=1 / SCALE, maximum=SCALE)
@json_option
def linear(width: int, depth: int, sigma_w: float, as_json: bool) -> None:
    """Deep linear and relu networks, exact at any width: ln of |dL/dh|^2, from top to bottom."""
    from gradsuite.theory import linear

    numbers: Numbers = {
        "linear_ln_ratio_mean": linear.log_ratio_mean(width, depth, sigma_w),
        "linear_ln_ratio_sd": math.sqrt(linear.log_ratio_variance(width, depth)),
        "linear_ln_mean_ratio": 2.0 * depth * math.log(sigma_w),
        "relu_ln_mean_ratio": depth * math.log(sigma_w**2 / 2.0),
        "relu_ln_ratio_sd": math.sqrt(linear.relu_log_variance(width, depth)),
    }
    _print(numbers, as_json)


@theory.command()
@number("--weight", float, "Weight a of h_t = a h_(t-1) + 1.", minimum=-SCALE, maximum=SCALE)
@number("--steps", int, "Time steps T.", minimum=2, maximum=STEPS)
@number("--horizon", int, "Steps k that the backward pass goes back.", minimum=1, maximum=STEPS)
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
    except ZeroDivisionError:
        raise UserError(f"dh_{steps}/da is 0 where a = {weight:g}: it has no relative error") from None
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
