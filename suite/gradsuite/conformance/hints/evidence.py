"""The evidence that a hint is drawn from: which arrays of one computation are right, and what the wrong ones are."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gradsuite.comparator import compare
from gradsuite.conformance.case import Case
from gradsuite.conformance.finding import Finding
from gradsuite.model import parameter_shapes

# Above this bound an array is right in so few digits that two patterns cannot be told apart: half types.
SHARP = 0.01
STATE = re.compile(r"(states|cell_states)\[(?:t=(\d+) )?layer (\d+)\]")
SYMBOLS = {"states": "dL/dh", "cell_states": "dL/dc"}
LISTED = 4
LARGEST = 1000  # of T B H layers


@dataclass(frozen=True, slots=True)
class Evidence:
    """All arrays of one computation, by name, each with its finding; the case if parameters and batch were one's."""

    where: str
    dtype: str
    case: Case | None
    findings: dict[str, Finding]

    @property
    def wrong(self) -> list[str]:
        """The arrays that are wrong."""
        return [name for name, finding in self.findings.items() if not finding.passed]

    @property
    def gradients(self) -> list[str]:
        """All arrays but loss and outputs."""
        return [name for name in self.findings if name not in ("loss", "outputs")]

    @property
    def forward_is_right(self) -> bool:
        """Whether loss and outputs were compared and are right."""
        return all(name in self.findings and self.findings[name].passed for name in ("loss", "outputs"))

    @property
    def degenerate(self) -> bool:
        """Whether a size is 1, so that different patterns look the same."""
        if self.case is None:
            return False
        m = self.case.model
        return 1 in (self.case.steps if m.recurrent else 2, self.case.size, m.hidden_size, m.output_width)

    @property
    def size(self) -> int:
        """Numbers in its model and batch, by which cases are ranked."""
        if self.case is None:
            return 0
        m = self.case.model
        return (self.case.steps if m.recurrent else 1) * self.case.size * m.hidden_size * m.num_layers

    @property
    def asked(self) -> Case | None:
        """The case, if its arrays are compared whole and it is so small that the oracle may run it a hundred times."""
        if self.case is None or self.size > LARGEST:
            return None
        shapes = parameter_shapes(self.case.model)
        given = ((name, self.findings[name].value) for name in self.wrong if name in shapes)
        return self.case if all(value is not None and value.shape == shapes[name] for name, value in given) else None

    @property
    def plain(self) -> Case | None:
        """The case, if the oracle may run it and its batch is inputs and targets alone, in one direction."""
        asked = self.asked
        return None if asked is None or asked.features or asked.model.bidirectional else asked

    def value(self, name: str) -> np.ndarray:
        """Return what a wrong array is, in float64."""
        return np.asarray(self.findings[name].value, np.float64)

    def expected(self, name: str) -> np.ndarray:
        """Return what a wrong array should be, in float64."""
        return np.asarray(self.findings[name].expected, np.float64)

    def usable(self, *, any_shape: bool = False) -> bool:
        """Whether every wrong array is there, finite, of the right shape unless `any_shape`, with a sharp bound."""
        for finding in map(self.findings.__getitem__, self.wrong):
            value, expected = finding.value, finding.expected
            if value is None or expected is None or not 0 < finding.bound < SHARP:
                return False
            if not any_shape and value.shape != expected.shape:
                return False
            if not (np.isfinite(np.asarray(value, np.float64)).all() and np.isfinite(expected).all()):
                return False
        return True

    def matches(self, name: str, changed: np.ndarray) -> bool:
        """Whether a changed array is what the wrong one should be, within its bound."""
        return compare(changed, self.expected(name)).within(self.findings[name].bound)

    def states(self, kind: str) -> Iterator[tuple[int, int, Finding]]:
        """Yield t (from 1; 0 without time), layer and finding of every state gradient, `states` or `cell_states`."""
        for name, finding in self.findings.items():
            if (match := STATE.fullmatch(name)) and match[1] == kind:
                yield int(match[2] or 0), int(match[3]), finding


def collect(findings: Iterable[Finding], dtype: str) -> list[Evidence]:
    """Return the evidence of each computation in which every array that was compared has a name."""
    named = [finding for finding in findings if finding.array]
    groups = groupby(named, key=lambda f: (f.what.removeprefix(f.array), f.case))
    return [Evidence(where, dtype, case, {f.array: f for f in group}) for (where, case), group in groups]


def listed(evidence: Evidence, names: Iterable[str]) -> str:
    """Return the names of arrays as a person would say them: `every gradient`, or `weight_hh_l0 and dL/dh`."""
    chosen, gradients = set(names), set(evidence.gradients)
    by_state = {name for name in gradients if STATE.fullmatch(name)}
    groups = {"every gradient": gradients, "every parameter's gradient": gradients - by_state}
    groups |= {"everything": set(evidence.findings), "the loss and every gradient": gradients | {"loss"}}
    for group, members in groups.items():
        if chosen == members and len(members) > 1:
            return group
    words = ["the loss" if name == "loss" else name for name in evidence.findings if name in chosen - by_state]
    words += [_states(evidence, kind, chosen) for kind in SYMBOLS if any(n.startswith(f"{kind}[") for n in chosen)]
    if len(words) > LISTED:
        words[LISTED - 1 :] = [f"{len(words) - LISTED + 1} more"]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _states(evidence: Evidence, kind: str, chosen: set[str]) -> str:
    """Return the name of those state gradients of a kind that were chosen, with time or layer if not of all."""
    states = list(evidence.states(kind))
    picked = {(t, layer) for t, layer, finding in states if finding.array in chosen}
    times, layers = {t for t, _ in picked}, {layer for _, layer in picked}
    all_times, all_layers = {t for t, _, _ in states}, {layer for _, layer, _ in states}
    last = max(all_times)
    if len(picked) == len(states):
        return SYMBOLS[kind]
    if len(picked) < len(times) * len(layers):
        return f"{SYMBOLS[kind]} ({len(picked)} of {len(states)})"
    when = f" at t = {', '.join('T' if t == last else str(t) for t in sorted(times))}"
    if times == all_times - {last}:
        when = " before t = T"
    elif len(times) > LISTED:
        when = f" at {len(times)} of {len(all_times)} steps"
    where = f" in layer {', '.join(map(str, sorted(layers)))}"
    return SYMBOLS[kind] + when * (times != all_times) + where * (layers != all_layers)
