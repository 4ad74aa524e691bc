"""Where along the way back the first wrong array is, and whether the way there was right."""

from collections.abc import Iterator, Sequence

from gradsuite.conformance.hints.evidence import SYMBOLS, Evidence, listed

KINK = " at the kink"
KINDS = tuple(SYMBOLS)


def kink(cases: Sequence[Evidence]) -> Iterator[str]:
    """Yield the hint of a relu whose derivative at 0 is not 0: something came back from units that are all at 0."""
    if any(case.where == KINK for case in cases):
        yield "relu's derivative at 0 is not 0: it is 1 where h > 0, and 0 where h = 0"


def first_wrong(case: Evidence) -> Iterator[str]:
    """Yield the step of the way back at which state gradients become wrong: they are all linked by it."""
    states, cells = (list(case.states(kind)) for kind in KINDS)
    if not states or any(name in case.wrong for name in ("loss", "outputs")):
        return
    top = max(layer for _, layer, _ in states)
    last = max(t for t, _, _ in states)
    by_state = [(t, layer) for t, layer, finding in states if not finding.passed]
    by_cell = [(t, layer) for t, layer, finding in cells if not finding.passed]
    if by_state or by_cell:
        yield from _along(by_state, by_cell, top, last)
    elif (wrong := [name for name in case.wrong if "[" not in name]) and last:
        yield from _products(case, wrong)


def _along(by_state: list[tuple[int, int]], by_cell: list[tuple[int, int]], top: int, last: int) -> Iterator[str]:
    """Yield where the first wrong state gradient is, seen from the loss."""
    if not by_state:
        if last and (last, top) in by_cell:
            yield "dL/dh is right and dL/dc wrong at t = T already: the path from h = o tanh(c) to c"
        elif last:
            yield "dL/dh is right and dL/dc only at t = T: the path from c_t to c_(t-1), through the forget gate"
        return
    in_top = [t for t, layer in by_state if layer == top]
    if not in_top:
        yield "dL/dh is right in the top layer and wrong below it: what a layer sends to the one below"
    elif last and max(in_top) == last - 1 and len(set(in_top)) == last - 1:
        if (last, top) in by_cell:
            yield "dL/dc is wrong at t = T already: the path from h = o tanh(c) to c"
        else:
            yield "dL/dh is right at t = T and wrong from t = T-1 back: the step back from h_t to h_(t-1)"
    elif last and max(in_top) == last:
        yield "dL/dh is wrong at t = T already: the slope of the loss, or the readout's W^T"


def _products(case: Evidence, wrong: list[str]) -> Iterator[str]:
    """Yield that state gradients are right and parameters' are not."""
    arrays = listed(case, wrong)
    only_states = all(name.startswith("weight_hh") for name in wrong)
    sums = "the product of dz_t with h_(t-1)" if only_states else "the sums that come after it"
    yield f"dL/dh is right at every step: the fault is in {sums}, in {arrays}"


def side(cases: Sequence[Evidence]) -> Iterator[str]:
    """Yield on which side of the loss the fault is, if a case's arrays were compared with what they should be."""
    if any(case.case is None for case in cases):
        return
    wrong = [set(case.wrong) for case in cases]
    if all("outputs" in names for names in wrong):
        yield "outputs are wrong already: look at forward first"
    elif all("loss" in names and "outputs" in case.findings for names, case in zip(wrong, cases, strict=True)):
        yield "outputs are right and the loss is not: look at the loss first"
    elif all(case.forward_is_right for case in cases):
        yield "loss and outputs are right: the fault is in backward"


def shared(failing: Sequence[Evidence], passing: Sequence[Evidence]) -> Iterator[str]:
    """Yield what every failing case has and no passing one, if it is one thing."""
    if not passing or len(failing) < 2 or any(case.case is None for case in (*failing, *passing)):
        return
    wrong, right = (_traits(cases) for cases in (failing, passing))
    traits = set.intersection(*wrong).difference(*right)
    if len(traits) == 1:
        yield f"every case with {traits.pop()} fails, and no other"


def _traits(cases: Sequence[Evidence]) -> list[set[str]]:
    traits = []
    for case in cases:
        assert case.case is not None
        m = case.case.model
        has = {f"loss {m.loss}", f"readout {m.readout}", "states asked for" * case.where.endswith("with states")}
        has |= {"more than one layer" * (m.num_layers > 1), "B > 1" * (case.case.size > 1)}
        has |= {"T > 1" * (m.recurrent and case.case.steps > 1)}
        traits.append(has - {""})
    return traits
