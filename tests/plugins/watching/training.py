"""A small network and its training, which tests of a watch look at."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

T, B, I, H = 24, 5, 3, 6  # noqa: E741


class Last(nn.Module):
    """Recurrent layers under a readout of their last output, of every one, or of their last state."""

    def __init__(self, layer, reads="last"):
        super().__init__()
        self.layer = layer
        self.reads = reads
        self.readout = nn.Linear(H * (2 if layer.bidirectional else 1), 2, dtype=layer.weight_ih_l0.dtype)

    def forward(self, x):
        outputs, states = self.layer(x)
        if self.reads == "state":
            h = states[0] if isinstance(states, tuple) else states
            return self.readout(torch.cat(list(h[-2:]), -1) if self.layer.bidirectional else h[-1])
        y = self.readout(outputs)
        if self.reads == "all":
            return y
        return y[:, -1] if self.layer.batch_first else y[-1]


def made(kind, *, reads="last", dtype=torch.float64, **options):
    torch.manual_seed(0)
    return Last(getattr(nn, kind)(I, H, dtype=dtype, **options), reads)


def batch_of(model, size=B, seed=1):
    source = torch.Generator().manual_seed(seed)
    shape = (size, T, I) if model.layer.batch_first else (T, size, I)
    return torch.randn(shape, generator=source, dtype=model.readout.weight.dtype)


def trained(model, steps, *, watch=None, batches=batch_of, clip=None, optimizer=None):
    """Train, and return the losses."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(batches(model, seed=step)).square().mean()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


def value(watch, metric, module="layer", layer=0, step=None):
    frame = watch.frame
    chosen = (frame["metric"] == metric) & (frame["module"] == module) & (frame["layer"] == layer)
    rows = frame[chosen & (frame["step"] == (frame["step"].max() if step is None else step))]
    (found,) = rows["value"]
    return found
