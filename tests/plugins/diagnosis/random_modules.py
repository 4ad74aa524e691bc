"""Random modules with a recurrent layer in them, and batches that go through them."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

KINDS = (nn.RNN, nn.LSTM, nn.GRU)


class Reader(nn.Module):
    """A recurrent layer below a head, read at every step or by its last states; sequences may be of several lengths."""

    def __init__(self, layer, outputs, *, last, ragged):
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(layer.hidden_size * (2 if layer.bidirectional else 1), outputs)
        self.last, self.ragged = last, ragged

    def forward(self, x, lengths, hx):
        first = self.layer.batch_first
        put_in = pack_padded_sequence(x, lengths, first, enforce_sorted=False) if self.ragged else x
        out, state = self.layer(put_in, hx)
        if self.ragged:
            out = pad_packed_sequence(out, first)[0]
        if not self.last:
            return torch.tanh(self.head(out))
        h = state[0] if isinstance(self.layer, nn.LSTM) else state
        return self.head(torch.cat([*h[-2:]], -1) if self.layer.bidirectional else h[-1])


def random_module(seed):
    """Return a module in float64 and a batch (x, lengths, hx, target)."""
    generator = torch.Generator().manual_seed(seed)

    def draw(most, least=1):
        return int(torch.randint(least, most + 1, (), generator=generator))

    def flip():
        return draw(1, 0) == 1

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        kind, layers, both, first = KINDS[seed % 3], draw(4), flip(), flip()
        inputs, units, outputs, steps, size = draw(4), draw(6), draw(3), draw(9, 2), draw(4)
        more = {"nonlinearity": ("tanh", "relu")[draw(1, 0)]} if kind is nn.RNN else {}
        layer = kind(inputs, units, layers, bias=flip(), batch_first=first, bidirectional=both, **more)
        module = Reader(layer, outputs, last=flip(), ragged=flip()).double()
        lengths = torch.randint(1, steps + 1, (size,))
        lengths[0] = steps
        x = torch.randn((size, steps, inputs) if first else (steps, size, inputs), dtype=torch.float64)
        hx = None
        if flip():
            states = [torch.randn(layers * (2 if both else 1), size, units, dtype=torch.float64) for _ in range(2)]
            hx = tuple(states) if kind is nn.LSTM else states[0]
        shape = (size, outputs) if module.last else (*x.shape[:2], outputs)
        return module, (x, lengths, hx, torch.randn(shape, dtype=torch.float64))
