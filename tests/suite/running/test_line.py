from io import StringIO

from gradsuite.running.line import ERASE, Line


class Terminal(StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_the_last_text_and_then_nothing(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with Line(terminal) as line:
        line.show("short")
        line.show("longer than the terminal is wide")
    assert terminal.getvalue().split(ERASE) == ["", "short", "longer than the ter", ""]


def test_nothing_is_written_to_a_pipe():
    pipe = StringIO()
    with Line(pipe) as line:
        line.show("short")
    assert pipe.getvalue() == ""
