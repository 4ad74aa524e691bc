"""Modules as people write them: what is found in them, and that they are left as they were."""

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gradsuite.diagnosis.call import chosen, find_patients  # noqa: E402
from gradsuite.diagnosis.patient import Question  # noqa: E402
from gradsuite.errors import UserError  # noqa: E402
from gradsuite.plugins import load  # noqa: E402
from torch import nn  # noqa: E402

ROUNDINGS = 1e-12  # of float64, as for the random modules


@pytest.fixture(scope="module")
def plugins():
    return load()


@pytest.fixture
def found(plugins):
    torch.manual_seed(0)

    def found(module, batch, loss, **more):
        return find_patients(Question(module, batch, loss, title="Net", **more), plugins)

    return found


class Attention(nn.Module):
    """An embedding, a recurrent layer, attention over it: a stranger's classifier."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.lstm = nn.LSTM(5, 7, 2, batch_first=True, bidirectional=True, dropout=0.3)
        self.score, self.drop, self.head = nn.Linear(14, 1), nn.Dropout(0.2), nn.Linear(14, 3)

    def forward(self, x):
        h, _ = self.lstm(self.embedding(x))
        return self.head(self.drop((self.score(h).softmax(1) * h).sum(1)))


def classified():
    return torch.randint(0, 11, (4, 9)), torch.randint(0, 3, (4,))


def test_a_layer_between_embedding_and_attention(found):
    (patient,) = found(Attention(), classified(), "cross_entropy")
    assert patient.title == "lstm of Net"
    assert (patient.model.cell, patient.model.num_layers, patient.model.bidirectional) == ("lstm", 2, True)
    assert patient.seen[0].batch.inputs.shape == (9, 4, 5)
    assert patient.seen[0].batch.targets.shape == (9, 4, 14)
    assert max(patient.swap.outputs, patient.swap.parameters) <= ROUNDINGS
    assert patient.notes == ("Dropout of 0.3 between the layers is left out: its masks cannot be seen.",)


def test_the_module_is_left_as_it_was(found):
    """Parameters, gradients, buffers, modes, hooks and the three generators of random numbers, bit for bit."""
    heard = []
    module = nn.Sequential(Attention(), nn.BatchNorm1d(3))
    module[0].head.eval()
    module[0].lstm.register_forward_hook(lambda *args: heard.append(1))
    module[0].embedding.weight.requires_grad_(False)
    batch = classified()
    nn.functional.cross_entropy(module(batch[0]), batch[1]).backward()

    def everything():
        tensors = [*module.state_dict().values(), *(one.grad for one in module.parameters() if one.grad is not None)]
        hooks = [len(one._forward_hooks) + len(one._forward_pre_hooks) for one in module.modules()]
        modes = [(one.training, getattr(one, "dropout", None)) for one in module.modules()]
        wanted = [one.requires_grad for one in module.parameters()]
        numbers = torch.get_rng_state().numpy().tobytes(), random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
        return [one.numpy().tobytes() for one in tensors], hooks, modes, wanted, numbers, list(heard)

    before = everything()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*batch), batch_size=2, shuffle=True)
    (patient,) = found(module, loader, "cross_entropy")
    assert len(patient.seen) == 2
    assert everything() == before


def test_each_recurrent_layer_is_a_patient(found):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.idle = nn.GRU(3, 4), nn.RNN(4, 5), nn.LSTM(2, 2)

        def forward(self, x):
            return self.second(self.first(x)[0])[0]

    patients = found(Two(), (torch.randn(6, 2, 3), torch.randn(6, 2, 5)), "mse")
    assert [patient.title for patient in patients] == ["first of Net", "second of Net"]
    assert all(max(patient.swap.outputs, patient.swap.parameters) <= ROUNDINGS for patient in patients)
    assert chosen(patients, "second") is patients[1]
    with pytest.raises(UserError, match=r"choose one by its name \(first, second\)"):
        chosen(patients, None)
    with pytest.raises(UserError, match="unknown layer 'third'"):
        chosen(patients, "third")


def test_a_loop_that_carries_the_state_is_one_sequence(found):
    """A decoder that reads what it has put out: the gradient by each output is total, by the next inputs too."""

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.LSTM(2, 5, 2), nn.Linear(5, 2)

        def forward(self, x):
            outputs, state = [], None
            for _ in range(6):
                h, state = self.layer(x[None], state)
                x = self.head(h[0])
                outputs.append(x)
            return torch.stack(outputs)

    (patient,) = found(Decoder(), (torch.randn(3, 2), torch.randn(6, 3, 2)), "mse")
    assert patient.seen[0].batch.inputs.shape == (6, 3, 2)
    assert max(patient.swap.outputs, patient.swap.parameters) <= ROUNDINGS
    assert patient.notes == ()


def test_two_calls_side_by_side_are_one_batch(found):
    class Siamese(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(3, 4)

        def forward(self, a, b):
            return (self.layer(a)[1][0] * self.layer(b)[1][0]).sum(-1)

    batch = torch.randn(6, 2, 3), torch.randn(9, 2, 3), torch.randn(2)
    (patient,) = found(Siamese(), batch, "mse")
    assert patient.seen[0].batch.lengths.tolist() == [6, 6, 9, 9]
    assert max(patient.swap.outputs, patient.swap.parameters) <= ROUNDINGS


def test_what_goes_past_the_outputs_is_said(found):
    class Cells(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.LSTM(3, 4)

        def forward(self, x):
            h, (_, c) = self.layer(x)
            return h[-1] + c[0]

    (patient,) = found(Cells(), (torch.randn(6, 2, 3), torch.randn(2, 4)), "mse")
    assert [note for note in patient.notes if "memory cells, or by last states" in note]
    assert max(patient.swap.outputs, patient.swap.parameters) <= ROUNDINGS  # of what is followed


def test_a_penalty_on_the_weights_is_said(found):
    module = nn.GRU(3, 4)

    def penalised(output, batch):
        return output[0].square().mean() + 0.1 * torch.cat([p.flatten() for p in held[0].parameters()]).square().sum()

    held = []

    def called(module, batch):
        held[:] = [module]
        return module(batch)

    (patient,) = found(module, torch.randn(6, 2, 3), penalised, call=called)
    assert patient.notes == ("The loss depends on the layers' weights otherwise than through what they put out.",)
    assert max(patient.swap.outputs, patient.swap.parameters) <= ROUNDINGS


def test_a_module_that_insists_on_float32(found):
    class Single(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.LSTM(3, 4), nn.Linear(4, 1)

        def forward(self, x):
            return self.head(self.layer(x.float())[0][-1])

    (patient,) = found(Single(), (torch.randn(6, 2, 3), torch.randn(2, 1)), "mse")
    assert patient.dtype == "float32"
    assert patient.swap.parameters < 1e-4  # some hundred roundings of 6e-8
    assert patient.notes == ("The module cannot be computed in float64: numbers are those of float32.",)


def test_a_state_that_the_module_keeps(found):
    """A copy of it cannot be made as it is: it has a history, and another dtype than the copy."""

    class Kept(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.state = nn.GRU(3, 4), torch.zeros(1, 2, 4)

        def forward(self, x):
            out, self.state = self.layer(x, self.state.detach())
            return out

    module, batch = Kept(), (torch.randn(6, 2, 3), torch.randn(6, 2, 4))
    module(batch[0])
    state = module.state
    (patient,) = found(module, batch, "mse")
    assert module.state is state
    assert patient.dtype == "float64"
    assert np.allclose(patient.seen[0].batch.state[0], state.detach().numpy())


@pytest.mark.parametrize(
    "batch",
    [
        {"x": torch.ones(5, 2, 3), "target": torch.zeros(5, 2, 4)},
        [torch.ones(5, 2, 3), torch.zeros(5, 2, 4)],
        [(torch.ones(5, 2, 3), torch.zeros(5, 2, 4))] * 3,
    ],
    ids=["dict", "list", "several"],
)
def test_batches_of_every_form(found, batch):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(3, 4)

        def forward(self, x):
            return self.layer(x)[0]

    (patient,) = found(Plain(), batch, "mse", most=2)
    assert len(patient.seen) == (2 if isinstance(batch[0] if isinstance(batch, list) else 0, tuple) else 1)
    assert found(Plain(), batch, nn.MSELoss())[0].seen[0].loss > 0


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("module", "batch", "loss", "said"),
    [
        (nn.LSTM(3, 4, proj_size=2), (torch.ones(5, 2, 3), torch.ones(5, 2, 2)), "mse", "proj_size=2"),
        (nn.LSTM(3, 4), torch.ones(5, 2, 3), "mse", "needs a target"),
        (nn.LSTM(3, 4), (torch.ones(5, 2, 2), torch.ones(5, 2, 4)), "mse", "cannot be computed on this batch"),
        (nn.LSTM(3, 4), (torch.ones(5, 2, 3), torch.ones(5, 4)), "mse", "needs targets of their shape"),
        (nn.LSTM(3, 4), (torch.ones(5, 2, 3), torch.ones(5, 2, 4)), "cross_entropy", "classes, whole numbers"),
        (nn.LSTM(3, 4), (torch.ones(5, 2, 3), torch.full((5, 2), 4)), "cross_entropy", "classes must be 0 to 3"),
        (nn.LSTM(3, 4), torch.ones(5, 2, 3), lambda output, batch: 1.0, "must be a tensor of one number"),
        (nn.LSTM(3, 4), torch.ones(5, 2, 3), lambda output, batch: output[0].detach().sum(), "depends on no parameter"),
        (nn.LSTM(3, 4), [], "mse", "no batch"),
        (nn.Linear(3, 4), (torch.ones(2, 3), torch.ones(2, 4)), "mse", "has no torch.nn.RNN"),
        (object(), 1, "mse", "nothing can be seen of this object"),
    ],
)
def test_what_cannot_be_seen_is_one_line(found, module, batch, loss, said):
    with pytest.raises(UserError, match=said) as raised:
        found(module, batch, loss)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) <= 300
