"""What a reply must be, by what was asked: checked as it arrives, for anything in a worker may have made it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gradsuite.rows import PLACE
from gradsuite.worker import described, measured
from gradsuite.worker.malformed import Malformed, shown, text_of

Rule = tuple[Callable[[Any], bool], str]  # whether a value will do, and what it must be
Fields = Mapping[str, Rule]
FAILED = ("unsupported", "invalid", "error")
LONGEST = 100_000  # characters of a text that is no reason, such as a traceback


def checked(request: Mapping[str, Any], reply: dict[str, Any], backend: str) -> dict[str, Any]:
    """Return a reply whose fields are those that this request is answered with, measurements and info as objects.

    Texts are cut and can be stored. Raises Malformed, which names the backend.
    """
    asked = request.get("verb", request["do"])
    status = reply.get("status")
    try:
        if status in FAILED:
            return _fields(reply, FAILURE) | {"reason": text_of(reply["reason"])}
        if status != "ok":
            raise Malformed(f"its status is {shown(status)}")
        whole = _fields(reply, ANSWERS[asked])
    except Malformed as error:
        raise Malformed(f"the worker of {backend!r} answered {asked!r} with rubbish: {error}") from error
    if asked == "describe":
        return whole | {"info": described.unpacked(backend, whole["info"])}
    if asked in ("start", "resume"):
        return whole | {"measurements": measured.unpacked(whole["measurements"])}
    return {name: _clean(value) for name, value in whole.items()}


def _fields(values: Mapping[str, Any], rules: Fields) -> dict[str, Any]:
    """Return the values if they are all there and as the rules say, and no others."""
    for name in values:
        if name not in rules and name != "status":
            raise Malformed(f"it has an unknown field {shown(name)}")
    for name, (is_right, kind) in rules.items():
        if name not in values:
            raise Malformed(f"it has no {name!r}")
        if not is_right(values[name]):
            raise Malformed(f"{name!r} is {kind}, not {shown(values[name])}")
    return dict(values)


def _clean(value: Any) -> Any:
    """Return a value of JSON whose texts can be stored."""
    if isinstance(value, str):
        return text_of(value, LONGEST)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {text_of(name): _clean(one) for name, one in value.items()}
    return value


def _is_whole(value: Any) -> bool:
    return type(value) is int and value in PLACE


def _is_number(value: Any) -> bool:
    return type(value) is float or _is_whole(value)


def _is_list(value: Any, of: Rule) -> bool:
    return isinstance(value, list) and all(map(of[0], value))


def _is_table(value: Any, of: Rule) -> bool:
    return isinstance(value, dict) and all(map(of[0], value.values()))


def _is_record(value: Any, rules: Fields) -> bool:
    return (
        isinstance(value, dict) and value.keys() == rules.keys() and all(rules[name][0](value[name]) for name in rules)
    )


def _or_none(rule: Rule) -> Rule:
    return (lambda value: value is None or rule[0](value), f"{rule[1]} or none")


ANY: Rule = (lambda value: True, "anything")
TEXT: Rule = (lambda value: isinstance(value, str), "a text")
TRUTH: Rule = (lambda value: isinstance(value, bool), "true or false")
WHOLE: Rule = (_is_whole, "a whole number")
NUMBER: Rule = (_is_number, "a number")
TABLE: Rule = (lambda value: isinstance(value, dict), "a table")
TEXTS: Rule = (partial(_is_list, of=TEXT), "a list of texts")
NUMBERS: Rule = (partial(_is_list, of=NUMBER), "a list of numbers")
VERSIONS: Rule = (partial(_is_table, of=TEXT), "a table of texts")
SCORES: Rule = (partial(_is_table, of=NUMBER), "a table of numbers")
END: Rule = (lambda value: value in ("running", "done", "solved", "diverged"), "how far a training is")
SCORE: Rule = (partial(_is_record, rules={"name": TEXT, "higher": TRUTH, "unit": TEXT}), "a score's name and unit")
SEEN = ("loss", "gradient_norm", "horizon", "score", "rate", "seconds")
LOOK: Rule = (partial(_is_record, rules={"step": WHOLE, **dict.fromkeys(SEEN, NUMBER)}), "a look at a training")

FAILURE: Fields = {
    "reason": TEXT,
    "done": TRUTH,
    "measurements": (lambda value: value == [], "empty"),
    "changed": TEXTS,
}
ROUND: Fields = {"done": TRUTH, "measurements": ANY, "changed": TEXTS}  # rows have a module of their own
ANSWERS: Mapping[str, Fields] = {
    "greet": {
        "pid": (lambda value: _is_whole(value) and value > 1, "a process's number"),
        "protocol": WHOLE,
        "gradsuite": TEXT,
    },
    "describe": {"info": TABLE},
    "prepare": {"checks": WHOLE},
    "check": {"result": TABLE},
    "preflight": {"reason": TEXT},
    "start": ROUND,
    "resume": ROUND,
    "begin": {
        "step": WHOLE,
        "end": END,
        "task": TEXT,
        "split": TEXT,
        "score": SCORE,
        "goal": _or_none(NUMBER),
        "length": WHOLE,
        "summary": TEXT,
        "source": TEXT,
        "baselines": SCORES,
        "parameters": WHOLE,
        "versions": VERSIONS,
        "versions_before": VERSIONS,
    },
    "walk": {"step": WHOLE, "loss": NUMBER, "end": END, "look": _or_none(LOOK), "pace": NUMBER},
    "save": {"step": WHOLE},
    "end": {
        "losses": NUMBERS,
        "looks": (partial(_is_list, of=LOOK), "a list of looks"),
        "seconds": NUMBER,
        "test": _or_none(NUMBER),
    },
}
