"""`gradsuite train` as it is typed: every option's bad value in one line, names completed, and a file of one's own."""

from pathlib import Path

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("--task addin", "unknown task 'addin'; did you mean 'adding'?"),
        ("--task adding --backend nunpy", "unknown backend 'nunpy'; did you mean 'numpy'?"),
        ("--task adding --cell lsmt", "unknown cell 'lsmt'; did you mean 'lstm'?"),
        ("--task adding --activation tahn", "unknown activation of lstm 'tahn'"),
        ("--task adding --cell rnn --activation tahn", "unknown activation of rnn 'tahn'; did you mean 'tanh'?"),
        ("--task adding --device cuda", "unknown device of numpy 'cuda'"),
        ("--task adding --dtype float46", "unknown dtype of numpy 'float46'; did you mean 'float64'?"),
        ("--task adding --hidden-size 0", "hidden_size must be at least 1, not 0"),
        ("--task adding --num-layers 0", "num_layers must be at least 1, not 0"),
        ("--task adding --length 0", "length must be at least 1, not 0"),
        ("--task noise", "noise has nothing to learn: its loss is a projection, for gradients alone"),
        ("--task adding --length 1", "adding needs a length of at least 2"),
        ("--task adding --batch-size 0", "batch_size must be at least 1, not 0"),
        ("--task adding --steps 0", "steps must be at least 1, not 0"),
        ("--task adding --steps many", "Invalid value for '--steps'"),
        ("--task adding --evaluate-every 0", "evaluate_every must be at least 1, not 0"),
        ("--task adding --optimizer adm", "unknown optimizer 'adm'; did you mean 'adam'?"),
        ("--task adding --lr 0", "lr must be positive, not 0"),
        ("--task adding --lr nan", "lr must be a number, not nan"),
        ("--task adding --hidden-size 1000000", "has 4e+12 parameters: 29,"),
        ("--task adding --momentum 0.9", "momentum is not for adam (it is for: "),
        ("--task adding --weight-decay -1", "weight_decay must not be negative, not -1"),
        ("--task adding --clip-norm 0", "clip_norm must be positive, not 0"),
        ("--task adding --clip-unit -1", "clip_unit must be positive, not -1"),
        ("--task adding --clip-value 0", "clip_value must be positive, not 0"),
        ("--task adding --rate constnat", "rate must be "),
        ("--task adding --rate warmup:9 --steps 0", "steps must be at least 1, not 0"),
        ("--task adding --truncation 5", "truncation must be K1,K2, such as 10,20, not '5'"),
        ("--task adding --truncation 5,2", "truncation must be a pair (k1, k2) of steps with 1 <= k1 <= k2"),
        ("--task adding --cell mlp --truncation 1,2", "truncation is for recurrent cells, not for mlp"),
        ("--task adding --omega -1", "omega must be finite and not negative, not -1"),
        ("--task adding --initialiser orthogonl", "unknown initialiser 'orthogonl'; did you mean 'orthogonal'?"),
        ("--task adding --gain -1", "gain must be finite and not negative, not -1"),
        ("--task adding --cell rnn --forget-bias 1", "forget"),
        ("--task adding --chrono 1", "chrono must be finite and more than 2 time steps, not 1"),
        ("--task adding --goal soon", "goal must be a score, or none to take all steps, not 'soon'"),
        ("--task adding --seed -1", "seed must be at least 0, not -1"),
        ("--task adding --threads 0", "threads must be at least 1, not 0"),
        ("--task adding --timeout 0", "timeout must be more than 0, not 0"),
        ("--task adding --target price", "--target is for data of your own: --task csv:FILE or npz:FILE"),
        ("--task adding --save file", "cannot write into 'file': 'file' is no folder"),
        ("--task adding --save file/below", "cannot write into 'file/below'"),
        ("--task adding --out file", "cannot write into 'file'"),
        ("--task adding --save a --resume b", "give --save or --resume"),
        ("--resume nothing", "no checkpoint in 'nothing': it has no checkpoint.json"),
        ("--resume foreign", "'foreign/checkpoint.json' is no checkpoint of a training"),
        ("", "no task to learn: type --task NAME"),
        ("--tsak adding", "No such option"),
    ],
)
def test_a_bad_value_is_one_line_and_exit_status_2(type_line, options, fault):
    Path("file").write_text("")
    Path("foreign").mkdir()
    Path("foreign/checkpoint.json").write_text("{}")
    status, output, errors = type_line(f"train {options}")
    assert (status, output) == (2, "")
    assert errors.startswith("gradsuite: ")
    assert fault in errors
    assert errors.count("\n") == 1


def test_a_file_of_ones_own_goes_on_alone_and_its_folder_is_not_shown(type_line, tmp_path, monkeypatch):
    rows = [f"{day},{np.sin(day / 3):.3f},{np.cos(day):.3f}" for day in range(200)]
    Path("prices.csv").write_text("\n".join(["day,price,rain", *rows]))
    flags = "--target price --horizon 2 --inputs price,rain --window 5 --split .6,.2,.2 --standardise"
    small = "--hidden-size 3 --steps 4 --evaluate-every 2"
    status, output, errors = type_line(f"train --task csv:prices.csv {flags} {small} --save kept")
    assert status == 0
    assert output.startswith("csv:prices.csv: lstm with 3 units on numpy\n")
    assert "inputs: price, rain; target: price, 2 rows after the window\n" in errors
    assert "AR(" in output
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert type_line("train --resume ../kept --steps 6")[0] == 0
    assert str(tmp_path) not in (tmp_path / "kept/page.html").read_text()
    (tmp_path / "prices.csv").write_text("\n".join(["day,price,rain", *rows[1:]]))
    status, output, errors = type_line("train --resume ../kept --steps 8")
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert "prices.csv is not the file it was" in errors


@pytest.mark.parametrize(
    ("words", "name"), [("--task add", "adding"), ("--cell lst", "lstm"), ("--dtype b", "bfloat16")]
)
def test_names_are_completed(type_line, monkeypatch, words, name):
    monkeypatch.setenv("_GRADSUITE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"gradsuite train {words}")
    monkeypatch.setenv("COMP_CWORD", "3")
    _, output, _ = type_line("")
    assert output.splitlines() == [f"plain,{name}"]
