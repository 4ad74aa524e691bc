"""The training never knows of its watch: the same bits, and no hook that stays."""

import warnings

import gradsuite
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.optim.optimizer import _global_optimizer_post_hooks  # noqa: E402

from tests.plugins.watching.training import B, I, T, batch_of, made, trained, value  # noqa: E402


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_training_is_the_same_to_the_bit(dtype):
    def bits(watched):
        model = nn.Sequential(
            made("LSTM", num_layers=2, dropout=0.3, dtype=dtype), nn.Dropout(0.2), nn.Linear(2, 2, dtype=dtype)
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        with gradsuite.watch(model, every=2) if watched else warnings.catch_warnings():
            for step in range(7):
                optimizer.zero_grad()
                loss = model(batch_of(model[0], seed=step)).square().mean()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
                losses.append(loss.detach())
        return [*losses, *(p.detach() for p in model.parameters()), torch.get_rng_state()]

    for watched, alone in zip(bits(True), bits(False), strict=True):
        assert torch.equal(watched, alone)


def hooks(model):
    """Return how many hooks there are."""
    modules = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules())
    tensors = sum(len(p._post_accumulate_grad_hooks or {}) + len(p._backward_hooks or {}) for p in model.parameters())
    return modules + tensors + len(_global_optimizer_post_hooks)


def test_hooks_are_there_for_a_step_that_is_looked_at_and_gone_at_the_end():
    model = made("LSTM")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    counts = []
    with gradsuite.watch(model, every=4) as watch:
        for _ in range(8):
            counts.append(hooks(model))
            trained(model, 1, optimizer=optimizer)
    assert [count > 2 for count in counts] == [step in (1, 4, 8) for step in range(1, 9)]
    assert min(counts) == 2  # the optimizer's, and one on the module
    assert hooks(model) == 0
    assert watch.frame["step"].unique().tolist() == [1, 4, 8]


def test_hooks_are_gone_after_an_exception():
    model = made("LSTM")
    watch = gradsuite.watch(model)
    with pytest.raises(RuntimeError), watch:  # noqa: PT012  PyTorch's own; the watch has to see it pass
        model(batch_of(model)).square().mean().backward()
        model(torch.ones(T, B, I + 1, dtype=torch.float64))
    assert hooks(model) == 0


def test_steps_of_another_s_optimizer_do_not_count():
    model, other = made("LSTM"), made("LSTM")
    with gradsuite.watch(model) as watch:
        trained(other, 3)
        trained(model, 2)
    assert watch.steps == 2


def test_steps_counted_by_hand_are_not_counted_twice():
    model = made("LSTM")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gradsuite.watch(model, every=1) as watch:
        for step in range(3):
            loss = model(batch_of(model, seed=step)).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            watch.step(loss)
    assert watch.steps == 3
    assert value(watch, "loss", module="", layer=-1, step=3) == loss.item()


def test_evaluation_in_between_is_not_looked_at():
    model = made("LSTM")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gradsuite.watch(model, every=1) as watch:
        model(batch_of(model)).square().mean().backward()
        model.eval()
        with torch.no_grad():
            model(torch.full_like(batch_of(model), torch.nan))
        model.train()
        optimizer.step()
    assert value(watch, "longest_horizon") == T - 1
    assert watch.alarms == []
