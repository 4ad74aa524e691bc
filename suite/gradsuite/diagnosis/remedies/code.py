"""What to type in PyTorch for each remedy, for a layer that is called `rnn`; the tests type it."""

from gradsuite.model import GATES, Model
from gradsuite.parameters import KEEP_GATE

BLOCKS = """\
for name, weight in rnn.named_parameters():
    if "weight_hh" in name:
        for block in weight.data.chunk({gates}):
            {change}
"""
FORGET_BIAS = """\
for name, bias in rnn.named_parameters():
    if "bias" in name:  # PyTorch adds two: one is set, the other cleared
        bias.data.chunk({gates})[{keep}].fill_(1.0 if "bias_ih" in name else 0.0)
"""
CHRONO_LSTM = """\
for name, bias in rnn.named_parameters():
    if "bias" in name:
        i, f, _, _ = bias.data.chunk(4)
        f.uniform_(1, {longest} - 1).log_() if "bias_ih" in name else f.zero_()
        i.copy_(-f)
"""
CHRONO_GRU = """\
for name, bias in rnn.named_parameters():
    if "bias" in name:
        _, z, _ = bias.data.chunk(3)
        z.uniform_(1, {longest} - 1).log_() if "bias_ih" in name else z.zero_()
"""
NORMALISED_RNN = """\
norm = torch.nn.LayerNorm(rnn.hidden_size, bias=False)

def step(x, h):  # of the first layer, for every time step; the other layers alike
    a = x @ rnn.weight_ih_l0.T + h @ rnn.weight_hh_l0.T
    return torch.{activation}(norm(a) + rnn.bias_ih_l0)
"""
NORMALISED_LSTM = """\
H = rnn.hidden_size
norm_ih, norm_hh, norm_c = (torch.nn.LayerNorm(n, bias=n == H) for n in (4 * H, 4 * H, H))

def step(x, h, c):  # of the first layer, for every time step; the other layers alike
    a = norm_ih(x @ rnn.weight_ih_l0.T) + norm_hh(h @ rnn.weight_hh_l0.T) + rnn.bias_ih_l0
    i, f, g, o = a.chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * norm_c(c).tanh(), c
"""


def forget_bias(model: Model) -> str:
    """Return a bias of 1 for the gate that keeps the state."""
    return FORGET_BIAS.format(gates=GATES[model.cell], keep=KEEP_GATE[model.cell])


def chrono(model: Model, longest: int) -> str:
    """Return chrono biases for dependencies of up to `longest` steps."""
    return {"lstm": CHRONO_LSTM, "gru": CHRONO_GRU}[model.cell].format(longest=longest)


def orthogonal(model: Model) -> str:
    """Return orthogonal recurrent weights, gate by gate."""
    return _blocks(model, "torch.nn.init.orthogonal_(block)")


def identity(model: Model) -> str:
    """Return recurrent weights that are the identity."""
    return _blocks(model, "torch.nn.init.eye_(block)")


def rescaled(model: Model) -> str:
    """Return recurrent weights divided by their spectral radius, gate by gate."""
    return _blocks(model, "block /= torch.linalg.eigvals(block).abs().max()")


def normalised(model: Model) -> str:
    """Return a step with layer normalisation, which torch.nn has no layer of."""
    return NORMALISED_LSTM if model.cell == "lstm" else NORMALISED_RNN.format(activation=model.activation)


def layer(model: Model) -> str:
    """Return another layer of the same sizes."""
    kind = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[model.cell]
    more = f", num_layers={model.num_layers}" if model.num_layers > 1 else ""
    more += ", bidirectional=True" if model.bidirectional else ""
    return f"rnn = torch.nn.{kind}({model.input_size}, {model.hidden_size}{more})  # batch_first as before\n"


def _blocks(model: Model, change: str) -> str:
    return BLOCKS.format(gates=GATES[model.cell], change=change)
