"""Everything a user can get wrong: one line that names the fault, exit status 2, and nothing lost."""

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("rnu", r"unknown command 'rnu'; did you mean 'run'?"),
        ("--vresion", "No such option"),
        ("run prbe", "unknown experiment 'prbe'; did you mean 'probe'? (allowed: "),
        ("run probe --backend ehco", "unknown backend 'ehco'; did you mean 'echo'? (allowed: "),
        ("run probe --backend gone", "not available: gone: no_such_framework not installed"),
        ("run probe --preset qick", "unknown preset 'qick'; did you mean 'quick'? (allowed: quick, standard)"),
        ("run probe --pre set", "No such option"),
        (
            "run probe --set gian=1",
            "unknown setting 'gian'; did you mean 'gain'? (allowed: behaviour, dtype, gain, size)",
        ),
        ("run probe --set gain", "--set takes KEY=V1,V2 (such as gain=0.5,1.5), not 'gain'"),
        ("run probe --set gain=", "setting 'gain' was given no value"),
        ("run probe --set gain=0", "gain must be more than 0, not 0"),
        ("run probe --set gain=inf", "gain must be"),
        ("run probe --set size=0", "size must be at least 1, not 0"),
        ("run probe --set size=-2", "size must be at least 1, not -2"),
        ("run probe --set size=1.5", "size must be a whole number, not '1.5'"),
        ("run probe --set dtype=float46", "unknown dtype 'float46'; did you mean 'float64'?"),
        ("run gradient-time --set task=addin", "unknown task 'addin'; did you mean 'adding'?"),
        ("run probe --device gpu --backend echo", "no backend has the device 'gpu' (echo has cpu)"),
        ("run probe --backend echo --device cuda", "no backend has the device 'cuda' (echo has cpu)"),
        ("run probe --threads 0", "threads must be at least 1, not 0"),
        ("run probe --threads two", "Invalid value for '--threads'"),
        ("run probe --timeout -1", "timeout must be more than 0, not -1"),
        ("run probe --no-plugin jaxx", "unknown plugin 'jaxx'; did you mean 'jax'?"),
        ("run probe --no-plugin jax --backend jax", "with these plugins blocked: jax"),
        ("run probe --executor dsk", "unknown executor 'dsk'; did you mean 'dask'?"),
        ("run probe --executor dask", "--executor dask and --scheduler ADDRESS go together"),
        ("run probe --backend echo --out file/x", "cannot write into 'file/x'"),
        ("run none.toml", "cannot read 'none.toml': No such file or directory"),
        ("run typo.toml", "unknown key in 'typo.toml' 'prest'; did you mean 'preset'?"),
        ("run syntax.toml", "'syntax.toml' is not TOML"),
        ("run zero.toml", "threads must be at least 1, not 0"),
        ("run --resume nowhere", "unknown run 'nowhere'"),
        ("run --resume .", "'.' is no run"),
        ("report nowhere", "unknown run 'nowhere'"),
        ("report file", "'file' is no run"),
        ("report", "Missing argument 'RUN'"),
        ("export nowhere --format csv", "unknown run 'nowhere'"),
        ("export nowhere --format cvs", "unknown format 'cvs'; did you mean 'csv'? (allowed: csv, json, parquet)"),
        (
            "export nowhere",
            "which format? type --out FILE (*.csv, *.json, *.parquet) or --format NAME (csv, json, parquet)",
        ),
        (
            "export . --out rows.txt",
            "'rows.txt' does not end like a format: name it *.csv or *.json or *.parquet",
        ),
        ("completion tcsh", "unknown shell 'tcsh'"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(type_in, line, fault):
    Path("file").write_text("")
    Path("typo.toml").write_text('prest = "quick"')
    Path("syntax.toml").write_text("preset = [")
    Path("zero.toml").write_text('experiment = "probe"\nthreads = 0')
    status, output, errors = type_in(*line.split())
    assert status == 2
    assert output == ""
    assert errors.startswith("gradsuite: ")
    assert fault in errors
    assert errors.count("\n") == 1
    assert not Path("results").exists()


def test_a_run_that_cannot_be_resumed_as_asked_says_so(type_in, run):
    status, _, errors = type_in("run", "--resume", run, "--preset", "standard")
    assert (status, errors) == (
        2,
        "gradsuite: --resume goes on with what the run was asked for: preset cannot be changed\n",
    )
    status, _, errors = type_in("report", run[:-1] + "9")
    assert status == 2
    assert f"did you mean '{run}'?" in errors


def test_what_cannot_be_written_is_one_line(type_in, run):
    (Path(run) / "measurements.csv").unlink()
    (Path(run) / "measurements.csv").mkdir()
    for line in (f"report {run}", f"export {run} --format csv --out {run}", "export . --format csv"):
        status, output, errors = type_in(*line.split())
        assert (status, output, errors.count("\n")) == (2, "", 1)
        assert errors.startswith(("gradsuite: cannot write", "gradsuite: '.' is no run"))


def test_a_plugin_that_is_blocked_by_the_environment_is_gone(type_in, monkeypatch):
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "probe")
    status, _, errors = type_in("run", "probe")
    assert status == 2
    assert "with these plugins blocked: probe" in errors
