"""Rates against torch.optim.lr_scheduler."""

import pytest
from gradsuite.training.rates import Cosine, Step, Warmup, rate

LR = 0.3
STEPS = 60
# Torch multiplies from step to step, each rounding by an eps; its cosine divides by 1 + cos, which is least at the end:
# 7e-4 one step before, which costs a factor of 1 / 7e-4 in what is itself 7e-4 of the rate.
CLOSE = {"rel": 0, "abs": 10 * STEPS * 2.0**-52}


def torchs(make):
    """Return the rates of STEPS steps of a scheduler of torch's."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler, rates = make(torch.optim.lr_scheduler, optimizer), []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def ours(rate):
    return [LR * rate.factor(step) for step in range(STEPS)]


def test_a_cosine_is_torch_s():
    assert ours(Cosine(STEPS)) == pytest.approx(torchs(lambda s, o: s.CosineAnnealingLR(o, STEPS)), **CLOSE)


def test_a_stair_is_torch_s():
    assert ours(Step(7, 0.6)) == pytest.approx(torchs(lambda s, o: s.StepLR(o, 7, 0.6)), **CLOSE)


def warm(s, optimizer):
    return s.LinearLR(optimizer, start_factor=1 / 10, total_iters=9)


def test_a_warm_up_is_torch_s():
    assert ours(Warmup(10)) == pytest.approx(torchs(warm), **CLOSE)


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")  # SequentialLR's own call
def test_a_warm_up_and_a_cosine_are_torch_s():
    expected = torchs(lambda s, o: s.SequentialLR(o, [warm(s, o), s.CosineAnnealingLR(o, STEPS - 10)], milestones=[10]))
    assert ours(rate("warmup:10+cosine", STEPS)) == pytest.approx(expected, **CLOSE)
