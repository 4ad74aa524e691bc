"""Models, data and Python files to diagnose, written into the folder that a test works in."""

import pickle
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

SENTINEL = "executed"


class Net(nn.Module):
    """A network of several parts, of which one is recurrent."""

    def __init__(self, layer, outputs):
        super().__init__()
        self.layer = layer
        width = layer.hidden_size * (2 if layer.bidirectional else 1)
        self.norm, self.fc = nn.LayerNorm(width), nn.Linear(width, outputs)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.GRU(2, 4), nn.GRU(4, 4)


class Malicious:
    """A pickle that writes a file when it is loaded."""

    def __reduce__(self):
        return Path.touch, (Path(SENTINEL),)


class Sentinel:
    """Python's oldest trick: what is loaded is a call."""

    def __reduce__(self):
        return eval, (f"open({SENTINEL!r}, 'w').close()",)


def state(module=None, **changes):
    """Return a state dict with some tensors in place of its own, None for none."""
    module = module or Net(nn.LSTM(2, 5, 2), 1)
    found = {**module.state_dict(), **{name.replace("__", "."): tensor for name, tensor in changes.items()}}
    return {name: tensor.clone() for name, tensor in found.items() if tensor is not None}


def write_series(name="series.csv", rows=200):
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=rows))
    lines = [f"{value:.4f},{noise:.4f}" for value, noise in zip(walk, rng.normal(size=rows), strict=True)]
    Path(name).write_text("\n".join(["price,noise", *lines]) + "\n")


def write_examples(name="walks.npz", **changes):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 12, 2))
    arrays = {"inputs": inputs, "targets": (inputs.sum(axis=(1, 2)) > 0).astype(int)}
    arrays["lengths"] = rng.integers(3, 13, 40)
    np.savez(name, **{**arrays, **changes})


def write_all():
    """Write one of everything, good and bad."""
    torch.manual_seed(0)
    write_series()
    write_examples()
    weights = state()
    save_file(weights, "model.safetensors")
    torch.save(weights, "model.pt")
    torch.save({"state_dict": {f"model.{name}": one for name, one in weights.items()}, "epoch": 3}, "lightning.ckpt")
    torch.save({f"module.{name}": one for name, one in weights.items()}, "parallel.pth")
    save_file(state(Net(nn.RNN(2, 4, bias=False, bidirectional=True), 3)), "rnn.safetensors")
    save_file(state(Net(nn.GRU(2, 4), 2)), "gru.safetensors")
    save_file(state(Two()), "two.safetensors")
    bad_models()
    bad_data()
    programs()


def bad_models():
    torch.save(Malicious(), "code.pt")
    Path("pickle.pt").write_bytes(pickle.dumps(Sentinel()))
    torch.save(Net(nn.LSTM(2, 5), 1), "whole.pt")
    torch.save([1, 2], "list.pt")
    torch.save({}, "empty.pt")
    Path("damaged.pt").write_bytes(Path("model.pt").read_bytes()[:500])
    Path("damaged.safetensors").write_bytes(Path("model.safetensors").read_bytes()[:100])
    Path("nothing.safetensors").write_bytes(b"")
    Path("model.onnx").write_bytes(b"x")
    save_file(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(4, 2)).state_dict(), "cnn.safetensors")
    save_file(state(nn.LSTM(2, 5, proj_size=3)), "projected.safetensors")
    save_file(state(layer__weight_hh_l0=torch.ones(20, 7)), "odd.safetensors")
    save_file(state(layer__weight_hh_l1=torch.ones(15, 5)), "mixed.safetensors")
    save_file(state(layer__weight_ih_l1=torch.ones(20, 4)), "width.safetensors")
    save_file(state(layer__bias_hh_l1=None), "half-biased.safetensors")
    save_file(state(layer__weight_ih_l0=None), "headless.safetensors")
    save_file(state(layer__weight_hh_l3=torch.ones(20, 5)), "gap.safetensors")
    save_file(state(fc__bias=torch.ones(4)), "head-bias.safetensors")


def bad_data():
    Path("empty.csv").write_text("")
    Path("header.csv").write_text("price,noise\n")
    Path("gaps.csv").write_text("price,noise\n" + "1,2\n,3\n2.5,4\n" * 50)
    Path("text.csv").write_text("price,noise\n" + "1,2\n2,x\n3,4\n" * 50)
    write_series("short.csv", rows=20)
    write_examples("nan.npz", inputs=np.full((40, 12, 2), np.nan))
    write_examples("wide.npz", inputs=np.random.default_rng(0).normal(size=(40, 12, 3)))
    write_examples("many.npz", targets=np.arange(40) % 5)
    np.savez("nameless.npz", np.zeros(3))
    Path("data.txt").write_text("1 2 3")


def programs():
    good = (
        "import torch\nmodule = torch.nn.GRU(2, 3)\nbatch = torch.ones(4, 2, 2), torch.zeros(4, 2, 3)\nloss = 'mse'\n"
    )
    Path("model.py").write_text(good)
    inside = "".join(f"    {line}\n" for line in good.splitlines())
    Path("function.py").write_text(f"def diagnose_me():\n{inside}    return module, batch, loss\n")
    Path("none.py").write_text("x = 1\n")
    Path("raises.py").write_text("x = 1\nx / 0\n")
    Path("exits.py").write_text("import sys\nsys.exit(0)\n")
    Path("syntax.py").write_text("def (\n")
    Path("returns.py").write_text("def diagnose_me():\n    return 1\n")
    Path("loss.py").write_text(good.replace("'mse'", "'msd'"))
    Path("shapes.py").write_text(good.replace("ones(4, 2, 2)", "ones(4, 2, 5)"))
    Path("function-of-nothing.py").write_text("module = len\nbatch = 1\nloss = 'mse'\n")
