import pytest
from gradsuite.plain import plain, plain_lines


@pytest.mark.parametrize(
    ("text", "one_line", "lines"),
    [
        ("as it is: é 漢 🙂", "as it is: é 漢 🙂", "as it is: é 漢 🙂"),
        ("two\nlines", "two lines", "two\nlines"),
        ("\x1b[31mred\x07", "\\u001b[31mred\\u0007", "\\u001b[31mred\\u0007"),
        ("half \ud83d", "half \\ud83d", "half \\ud83d"),
        ("right \u202e left", "right \\u202e left", "right \\u202e left"),
        (5, "5", "5"),
    ],
)
def test_text_does_nothing_but_stand_there(text, one_line, lines):
    assert plain(text) == one_line
    assert plain_lines(text) == lines


def test_what_is_too_long_is_cut_in_one_line_alone():
    assert plain("x" * 2000) == "x" * 1000 + "..."
    assert plain("x" * 20, longest=3) == "xxx..."
    assert plain_lines("x" * 2000) == "x" * 2000
