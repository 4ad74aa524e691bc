import pytest
from gradsuite.experiment import Result, Trial
from gradsuite.running.progress import SETTLED, Progress

TRIAL = Trial("speed", "numpy", "cpu", {"cell": "lstm", "length": 5})


@pytest.fixture
def clock(monkeypatch):
    """A clock that says what it is set to."""
    now = [100.0]
    monkeypatch.setattr("gradsuite.running.progress.time.monotonic", lambda: now[0])
    return now


def advance(progress, clock, seconds, result=Result("ok")):
    clock[0] += seconds
    progress.advance(TRIAL, result)


def test_where_nobody_watches_a_line_is_printed_now_and_then(clock, capsys):
    total = SETTLED + 10
    with Progress(total, {"cell"}) as progress:
        for _ in range(total):
            advance(progress, clock, 1.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"[2/{total}] speed on numpy cell=lstm"
    assert f"[{SETTLED}/{total}, 10 s left] speed on numpy cell=lstm" in lines
    assert lines[-1] == f"[{total}/{total}, 0 s left] speed on numpy cell=lstm"
    assert len(lines) == total // 2


def test_a_failure_is_said_at_once_and_as_it_is(clock, capsys):
    with Progress(5, {"length"}) as progress:
        advance(progress, clock, 0.1, Result("error", reason="KeyError: [bold]x[/bold] " + "long " * 50))
        advance(progress, clock, 0.1, Result("unsupported", reason="quietly"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: speed on numpy length=5: KeyError: [bold]x[/bold] long long")


def test_a_terminal_gets_a_bar(clock, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress(3, set()) as progress:
        advance(progress, clock, 1.0)
        advance(progress, clock, 1.0, Result("timeout", reason="too slow"))
    shown = capsys.readouterr().err
    assert "2/3" in shown
    assert "left" in shown
    assert "timeout: speed on numpy: too slow" in shown
