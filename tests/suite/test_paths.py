import pytest
from gradsuite.errors import UserError
from gradsuite.paths import LONGEST, LONGEST_NAME, require_path


def test_what_a_file_system_can_have_is_a_path():
    for text in (".", "/", "a/b", "a b", "naïve", "x" * LONGEST_NAME, "\udcff", "/".join(["x" * 204] * 19)):
        require_path(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a path cannot be empty"),
        ("a\ud800", "it has half a character"),
        ("a\0b", r"'a\\x00b' is no path: it has a null character"),
        ("ä" * 128, f"a name in it has 256 bytes, and may have {LONGEST_NAME}"),
        ("a/" * 2048 + "a", f"it has 4097 bytes, and may have {LONGEST}"),
    ],
)
def test_another_text_is_none(text, message):
    with pytest.raises(UserError, match=message):
        require_path(text)


def test_the_limit_is_that_of_this_file_system(tmp_path):
    (tmp_path / ("x" * LONGEST_NAME)).touch()
    with pytest.raises(OSError, match="name too long"):
        (tmp_path / ("x" * (LONGEST_NAME + 1))).touch()
