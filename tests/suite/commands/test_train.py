"""`gradsuite train`: what it writes, how it ends, and what a kill leaves."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from gradsuite.training import checkpoint
from gradsuite.training.session import EVALUATED_AT_ONCE
from safetensors.numpy import load_file

torch = pytest.importorskip("torch")  # which loads the weights
load_tensors = pytest.importorskip("safetensors.torch").load_file

SMALL = "--task adding --length 6 --hidden-size 5 --batch-size 4 --evaluate-every 5"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def started(line):
    """Start a command as a process of its own, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "gradsuite", "train", *line.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def arrays(folder):
    """Return the step of a checkpoint and all that it holds, but for times."""
    facts = checkpoint.read(folder)
    held = load_file(Path(folder) / facts.arrays)
    held["looks"] = held["looks"][:, :-1]  # the last column is the seconds
    return facts.step, {name: array.tobytes() for name, array in held.items()}


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_a_training_leaves_page_weights_curve_and_checkpoint(type_line):
    status, output, errors = type_line(f"train {SMALL} --steps 12 --num-layers 2 --goal none --save kept")
    assert status == 0
    lines = output.splitlines()
    assert lines[0] == "adding: lstm with 2 layers of 5 units on numpy"
    assert lines[1].startswith("12 steps taken (")
    assert lines[-1] == "kept/page.html"
    assert re.search(
        r"^step 12/12  loss [\d.]+  gradient [\d.e-]+  horizon \d+  validation [\d.]+ ", errors, re.MULTILINE
    )
    with Path("kept/curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 13))
    assert [int(row["step"]) for row in rows if row["score"]] == [5, 10, 12]
    page = Path("kept/page.html").read_text()
    assert page.count("<svg") == 4
    assert not re.search(r"""(?:src|href)=["']?https?:|@import|url\((?!#)""", page)  # it needs nothing but itself
    assert "<dt>lr</dt><dd>0.001</dd>" in page
    assert (checkpoint.read("kept").step, checkpoint.read("kept").end) == (12, "done")


def test_the_weights_load_into_torch_nn_as_they_are(type_line):
    """And then compute what the network computes: the score on test that was printed, within float32's roundings."""
    from gradsuite.tasks.synthetic.adding import Adding

    status, output, _ = type_line(f"train {SMALL} --steps 10 --num-layers 2 --out out")
    assert status == 0
    weights = load_tensors("out/weights.safetensors")
    lstm, head = torch.nn.LSTM(2, 5, 2), torch.nn.Linear(5, 1)
    lstm.load_state_dict({name: one for name, one in weights.items() if not name.startswith("readout.")})
    head.load_state_dict({name[8:]: one for name, one in weights.items() if name.startswith("readout.")})
    task, squares = Adding(), []
    for batch in task.evaluation_batches("test", task.model("lstm", 5, num_layers=2), size=EVALUATED_AT_ONCE, length=6):
        with torch.no_grad():
            outputs = head(lstm(torch.tensor(batch.inputs, dtype=torch.float32))[0][-1])
        squares.append((outputs.numpy() - batch.targets) ** 2)
    printed = float(re.search(r"this lstm +([\d.]+)", output)[1])
    assert printed == pytest.approx(np.concatenate(squares).mean(), rel=5e-4)  # it is printed to 4 digits
    assert not Path("out/checkpoint.json").exists()


def test_without_a_folder_nothing_is_written(type_line):
    assert type_line(f"train {SMALL} --steps 5")[0] == 0
    assert list(Path().iterdir()) == []


def steps_saved(folder):
    """Return the step of a checkpoint, or -1 before there is one."""
    return checkpoint.read(folder).step if Path(folder, checkpoint.FILE).exists() else -1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_training_killed_with_kill_9_goes_on_with_the_same_bits(backend, type_line):
    """The host is killed, whose worker ends with it, three times, whatever both are about just then."""
    line = f"{SMALL} --backend {backend} --goal none"
    rng, step = np.random.default_rng(0), 0
    for more in (f"{line} --steps 1000000 --save killed", "--resume killed", "--resume killed"):
        process = started(more)
        try:
            wait_for(lambda: steps_saved("killed") >= step + 5)  # noqa: B023  it is called before `step` changes
            time.sleep(rng.uniform(0, 0.05))
        finally:
            workers = psutil.Process(process.pid).children()
            process.kill()
            process.communicate()
        psutil.wait_procs(workers, timeout=60)
        step = steps_saved("killed")
    assert type_line(f"train {line} --steps {step} --save whole")[0] == 0
    assert arrays("killed") == arrays("whole")


def test_ctrl_c_saves_and_says_how_to_go_on(type_line):
    process = started(f"{SMALL} --steps 100000 --evaluate-every 1000000 --save kept")
    wait_for(lambda: Path("kept/checkpoint.json").exists())
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the worker too
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    step = checkpoint.read("kept").step
    assert step > 0
    assert f"interrupted at step {step}; step {step} is saved; go on with: gradsuite train --resume kept" in errors


def test_ctrl_c_without_a_folder_says_that_nothing_was_saved():
    process = started(f"{SMALL} --steps 100000")
    wait_for(lambda: process.stderr.readline().startswith("step "))
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "nothing was saved (--save DIR keeps a training)" in errors


def test_a_worker_that_dies_costs_one_line_and_no_checkpoint(tmp_path):
    process = started(f"{SMALL} --steps 1000000 --save kept")
    wait_for(lambda: Path("kept/checkpoint.json").exists() and checkpoint.read("kept").step > 0)
    (worker,) = psutil.Process(process.pid).children()
    worker.kill()
    output, errors = process.communicate(timeout=60)
    last = errors.splitlines()[-1]
    assert (process.returncode, output) == (1, "")
    assert re.fullmatch(
        r"gradsuite: numpy at step \d+: the worker was killed by SIGKILL.*; step \d+ is saved; "
        r"go on with: gradsuite train --resume kept",
        last,
    )
    assert checkpoint.read("kept").step > 0


def test_a_worker_that_hangs_is_one_line(type_line):
    slow = "--hidden-size 300 --length 4000 --batch-size 256"  # a step of a minute
    status, output, errors = type_line(f"train {SMALL} --steps 10 {slow} --timeout 3 --save kept")
    assert (status, output) == (1, "")
    assert "no answer within 3 s" in errors.splitlines()[-1]
    assert errors.splitlines()[-1].endswith("step 0 is saved; go on with: gradsuite train --resume kept")


def test_a_training_that_diverges_is_a_result(type_line):
    status, output, _ = type_line(
        f"train {SMALL} --steps 20 --cell rnn --activation relu --optimizer sgd --lr 1e9 --save kept"
    )
    assert status == 0
    step = checkpoint.read("kept").step
    said = re.search(r"^diverged at step (\d+): the loss there is (nan|inf)", output, re.MULTILINE)
    assert int(said[1]) <= step
    assert "on test" not in output
    assert "Diverged at step" in Path("kept/page.html").read_text()
    status, _, errors = type_line("train --resume kept --steps 30")
    assert (status, errors.count("\n")) == (2, 1)
    assert "nothing is left to train in 'kept'" in errors


def test_a_goal_ends_it(type_line):
    status, output, _ = type_line(f"train {SMALL} --steps 20 --goal 100")
    assert status == 0
    assert re.search(r"^solved at step 5 of 20: mean squared error [\d.]+ on validation", output, re.MULTILINE)


def test_what_is_resumed_cannot_be_changed(type_line):
    assert type_line(f"train {SMALL} --steps 5 --save kept")[0] == 0
    for more, fault in (
        ("--lr 0.1 --cell gru", "has lr 0.001, not 0.1; cell lstm, not gru"),
        ("--steps 4", "has steps 5, not 4"),
        ("", "nothing is left to train in 'kept': at step 5 it is done: give more --steps"),
    ):
        status, output, errors = type_line(f"train --resume kept {more}")
        assert (status, output, errors.count("\n")) == (2, "", 1)
        assert fault in errors
    status, _, errors = type_line(f"train {SMALL} --steps 5 --save kept")
    assert (status, errors) == (
        2,
        "gradsuite: 'kept' holds a training: type --resume kept, or --save and another folder\n",
    )
    assert type_line("train --resume kept --steps 6 --lr 0.001")[0] == 0
    assert checkpoint.read("kept").step == 6
