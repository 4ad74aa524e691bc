"""A script that repeats what a check found: to be copied, run, and run again in a debugger."""

from dataclasses import fields
from json import dumps  # texts in double quotes, as the scripts have them

from gradsuite.conformance.check import Result
from gradsuite.conformance.checks import gradients
from gradsuite.conformance.examination import Examined
from gradsuite.model import Model

WHOLE = frozenset(check.name for check in gradients.CHECKS)  # checks that compare whole arrays with the oracle's
ONE_CASE = '''"""{check} of {backend} on {device} in {dtype}: the smallest case that fails, {states} states."""

import gradsuite
from gradsuite.comparator import compare
from gradsuite.conformance.case import Case, expected_of
from gradsuite.conformance.subject import Subject, fetched

model = gradsuite.Model(
{model}
)
case = Case(model, steps={steps}, size={size}, seed={seed})
subject = Subject(gradsuite.backend({quoted[backend]}), {quoted[device]}, {quoted[dtype]})
bound = case.bound({quoted[dtype]})

network = subject.build(model, case.parameters({quoted[dtype]}))
tape = {forward}
found = fetched(network, tape.loss, tape.outputs, network.backward(tape), states={with_states})
expected = subject.claimed(expected_of(case.answer({quoted[dtype]}), states={with_states}))  # by the oracle

for name, array in expected.items():
    error = compare(found[name], array, absolute=bound).error if name in found else float("inf")
    print(f"{{'right' if error <= bound else 'wrong':<5}}  {{error:.1e}}  {{bound:.1e}}  {{name}}")
'''

WHOLE_CHECK = '''"""{check} of {backend} on {device} in {dtype}, in this process: a debugger can stop in the backend."""

import gradsuite

backend = gradsuite.backend({quoted[backend]})
for result in gradsuite.check(backend, device={quoted[device]}, dtype={quoted[dtype]}, checks={quoted[check]}):
    print(result)
    for one in result.findings:
        print(f"{{'right' if one.passed else 'wrong':<5}}  {{one.error:.1e}}  {{one.bound:.1e}}  {{one.what}}")
    print(result.traceback)
'''


def script(backend: str, result: Result, smallest: Examined | None) -> str:
    """Return a script for the smallest failing case of a check of the backend of this name.

    A case that is not simply computed forward and back, and a check without one, are repeated as they are.
    """
    named = {"backend": backend, "check": result.check, "device": result.device, "dtype": result.dtype}
    quoted = {kind: dumps(name) for kind, name in named.items()}
    if smallest is None or smallest.case is None or not _plain(result, smallest):
        return WHOLE_CHECK.format(**named, quoted=quoted)
    case, with_states = smallest.case, smallest.where != str(smallest.case)
    put = f"network.put(case.batch({quoted['dtype']}))"
    return ONE_CASE.format(
        **named,
        quoted=quoted,
        states="with" if with_states else "without",
        with_states=with_states,
        forward=f"subject.forward(network, {put})" if with_states else f"network.forward({put})",
        model="\n".join(f"    {field.name}={_literal(getattr(case.model, field.name))}," for field in fields(Model)),
        steps=case.steps,
        size=case.size,
        seed=case.seed,
    )


def _literal(value: str | int) -> str:
    """Return a value as Python has it."""
    return dumps(value) if isinstance(value, str) else repr(value)


def _plain(result: Result, smallest: Examined) -> bool:
    """Whether the case's arrays are those of one pass forward and back, each compared with the oracle's."""
    simple = smallest.where in (str(smallest.case), f"{smallest.case}, with states")
    return simple and result.check in WHOLE
