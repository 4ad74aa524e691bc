"""`gradsuite diagnose`: models and data of every kind, and forty ways to get it wrong."""

import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from gradsuite.diagnosis import call  # noqa: E402

from tests.suite.commands import diagnosing  # noqa: E402

SERIES = "--data series.csv --target price --window 12"


class Stub:
    """A diagnosis that says nothing: what it says has tests of its own."""

    def __init__(self, patient, *, say):
        self.patient = patient

    def __str__(self):
        return self.patient.title

    def report(self, path):
        path.write_text("<html></html>")
        return path


@pytest.fixture
def diagnosed(type_line, monkeypatch):
    """Type a line where all models and data are: returns what `type_line` does, and the patients looked at."""
    seen = []
    found = call.chosen

    def noted(patients, layer):
        seen.append(found(patients, layer))
        return seen[-1]

    monkeypatch.setattr(call, "chosen", noted)
    monkeypatch.setitem(sys.modules, "gradsuite.diagnosis.diagnosis", SimpleNamespace(diagnose_patient=Stub))
    diagnosing.write_all()

    def typed(line):
        return *type_line(f"diagnose {line}"), seen

    return typed


def patient_of(diagnosed, line):
    status, _, errors, seen = diagnosed(line)
    assert status == 0, errors
    assert seen[0].swap.outputs < 1e-12
    assert seen[0].swap.parameters < 1e-12
    return seen[0]


@pytest.mark.parametrize("model", ["model.safetensors", "model.pt", "lightning.ckpt", "parallel.pth"])
def test_a_state_dict_of_every_kind(diagnosed, model):
    patient = patient_of(diagnosed, f"{model} {SERIES} --batches 2 --batch-size 5")
    made = patient.model
    assert (made.cell, made.input_size, made.hidden_size, made.num_layers) == ("lstm", 2, 5, 2)
    assert patient.title == f"{'model.' if model == 'lightning.ckpt' else ''}layer of {model}"
    assert [one.batch.inputs.shape for one in patient.seen] == [(12, 5, 2)] * 2
    assert patient.notes == (f"The head that reads the layers is {'model.' if 'ckpt' in model else ''}fc.",)
    weights = torch.load("model.pt", weights_only=True)
    for name in ("weight_ih_l0", "bias_hh_l1"):
        assert (patient.parameters[name] == weights[f"layer.{name}"].numpy()).all()


def test_directions_biases_and_a_relu(diagnosed):
    line = "rnn.safetensors --data walks.npz --activation relu"
    patient = patient_of(diagnosed, line)
    assert (patient.model.activation, patient.model.bidirectional) == ("relu", True)
    assert not patient.parameters["bias_ih_l0_reverse"].any()
    assert patient.notes == (
        "The head that reads the layers is fc.",
        "The layers have no biases: those of the suite's are zeros.",
    )
    assert patient.seen[0].batch.lengths is not None


def test_an_activation_that_is_not_given_is_said(diagnosed):
    patient = patient_of(diagnosed, "rnn.safetensors --data walks.npz")
    assert patient.notes[0].startswith("The activation is taken to be tanh")


def test_a_prefix_where_there_are_several_and_a_fresh_head(diagnosed):
    patient = patient_of(diagnosed, "two.safetensors --prefix encoder --task adding --length 10 --batches 1")
    assert patient.title == "encoder of two.safetensors"
    assert patient.notes[0].startswith("No linear layer in the file can be told to be the head: a fresh one")


@pytest.mark.parametrize("program", ["model.py", "function.py"])
def test_a_python_file(diagnosed, program):
    assert patient_of(diagnosed, program).title == program  # the module itself is the layer


def test_the_page_is_the_last_line(diagnosed):
    status, output, _, _ = diagnosed(f"model.safetensors {SERIES} --batches 1 --out found")
    assert status == 0
    assert output.splitlines()[-1] == "found/report.html"
    assert "<html" in Path("found/report.html").read_text()


def test_help_imports_no_framework():
    code = (
        "import sys; sys.argv = ['gradsuite', 'diagnose', '--help']\n"
        "from gradsuite.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'jax', 'numpy', 'pandas'} & set(sys.modules), 'too much'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


BAD = {
    f"absent.safetensors {SERIES}": "no file 'absent.safetensors'",
    f". {SERIES}": "is a folder",
    f"model.onnx {SERIES}": "'model.onnx' is no model",
    f"code.pt {SERIES}": "holds more than weights",
    f"pickle.pt {SERIES}": "holds more than weights",
    f"whole.pt {SERIES}": "none of it was executed",
    f"list.pt {SERIES}": "holds no state dict",
    f"empty.pt {SERIES}": "holds no torch.nn.RNN, LSTM or GRU",
    f"damaged.pt {SERIES}": "damaged.pt",
    f"damaged.safetensors {SERIES}": "as safetensors",
    f"nothing.safetensors {SERIES}": "nothing.safetensors is empty",
    f"cnn.safetensors {SERIES}": "it has: 0.bias, 0.weight, 1.bias",
    f"projected.safetensors {SERIES}": "proj_size",
    f"odd.safetensors {SERIES}": "weight_hh_l0 is (20, 7)",
    f"mixed.safetensors {SERIES}": "layer.weight_hh_l1 is (15, 5)",
    f"width.safetensors {SERIES}": "layer.weight_ih_l1 is (20, 4)",
    f"half-biased.safetensors {SERIES}": "layer.bias_hh_l1 is missing",
    f"headless.safetensors {SERIES}": "layer.weight_ih_l0 must be a matrix, not missing",
    f"gap.safetensors {SERIES}": "layer.weight_ih_l2 is missing",
    f"head-bias.safetensors {SERIES}": "fc.bias is (4,)",
    f"two.safetensors {SERIES}": "type --prefix decoder. or --prefix encoder.",
    f"two.safetensors {SERIES} --prefix encodr": "unknown prefix of two.safetensors 'encodr'; did you mean 'encoder.'",
    f"model.safetensors {SERIES} --head norm": "unknown head 'norm'",
    f"rnn.safetensors {SERIES} --head fc": "fc.weight is (3, 8): a head for these layers and data is (1, 8)",
    f"rnn.safetensors {SERIES} --activation selu": "unknown activation 'selu'",
    f"model.safetensors {SERIES} --activation relu": "--activation is for an rnn",
    f"model.safetensors {SERIES} --loss cross_entropy": "--loss cross_entropy is not for targets that are numbers",
    f"model.safetensors {SERIES} --loss huber": "unknown loss 'huber'",
    f"model.safetensors {SERIES} --inputs price": "reads 2 numbers a step, the data have 1",
    f"model.safetensors {SERIES} --batches 0": "batches must be at least 1",
    f"model.safetensors {SERIES} --batch-size 0": "batch-size must be at least 1",
    f"model.safetensors {SERIES} --device tpu": "no device 'tpu'",
    f"model.safetensors {SERIES} --task adding": "give the data, one of",
    f"model.safetensors {SERIES} --out model.pt": "is no folder",
    "model.safetensors": "give the data, one of",
    "model.safetensors --data series.csv": "target",
    "model.safetensors --data series.csv --target prize": "prize",
    "model.safetensors --data empty.csv --target price": "empty.csv is empty",
    "model.safetensors --data header.csv --target price": "header.csv",
    "model.safetensors --data gaps.csv --target price": "missing",
    "model.safetensors --data text.csv --target price": "noise",
    "model.safetensors --data short.csv --target price": "too few for 100 time steps",
    "model.safetensors --data data.txt": "is no data",
    "model.safetensors --data absent.csv --target price": "no file 'absent.csv'",
    "model.safetensors --data nan.npz": "not all finite",
    "model.safetensors --data wide.npz": "reads 2 numbers a step, the data have 3",
    "model.safetensors --data nameless.npz": "no array 'inputs'",
    "gru.safetensors --data many.npz --head fc": "a head for these layers and data is (5 or more, 4)",
    "gru.safetensors --data walks.npz --length 7": "length must be that, not 7",
    "model.safetensors --task adding --target price": "--target is for data of your own",
    "model.safetensors --task adding --length 0": "length",
    "model.safetensors --task ading": "unknown task 'ading'; did you mean 'adding'",
    "model.safetensors --task noise": "nothing to learn",
    "absent.py": "no file 'absent.py'",
    "none.py": "has no module and no batch and no loss",
    "raises.py": "raises.py, line 2, raised ZeroDivisionError",
    "exits.py": "raised SystemExit",
    "syntax.py": "raised SyntaxError",
    "returns.py": "must return module, batch and loss, not int",
    "loss.py": "unknown loss 'msd'",
    "shapes.py": "cannot be computed on this batch",
    "function-of-nothing.py": "nothing can be seen of this builtin_function_or_method",
    "model.py --prefix encoder": "unknown layer 'encoder'",
    f"model.py {SERIES}": "is for a state dict: a Python file has its own",
}


@pytest.mark.parametrize("line", BAD)
def test_what_is_wrong_is_one_line_and_nothing_is_written_or_executed(diagnosed, line):
    before = sorted(Path().iterdir())
    status, output, errors, _ = diagnosed(line)
    assert (status, output) == (2, ""), errors
    assert errors.count("\n") == 1
    assert len(errors) <= 300 + len("gradsuite: \n")
    assert BAD[line] in errors
    assert sorted(Path().iterdir()) == before
    assert not Path(diagnosing.SENTINEL).exists()


def test_forty_are_bad():
    assert len(BAD) >= 40


def test_the_pickles_would_have_been_executed(diagnosed):
    """A loader that trusts the file writes the sentinel."""
    pickle.loads(Path("pickle.pt").read_bytes())
    Path(diagnosing.SENTINEL).unlink()
    torch.load("code.pt", weights_only=False)
    assert Path(diagnosing.SENTINEL).exists()


@pytest.mark.parametrize("model", ["model.pt", "model.safetensors"])
def test_without_torch_it_says_what_to_install(diagnosed, model, monkeypatch):
    monkeypatch.setattr("gradsuite_torch.find_spec", lambda name: None)
    status, _, errors, _ = diagnosed(f"{model} {SERIES}")
    assert status == 2
    assert errors.count("\n") == 1
    assert 'pip install "gradsuite[torch]"' in errors
