import pytest
from gradsuite.errors import NAMES, VALUE, Unsupported, UserError, listed, quoted, shortened, unknown
from gradsuite.plain import printable


def test_a_misspelled_name_gets_the_nearest_one_and_all_allowed():
    error = unknown("cell", "lsmt", ["rnn", "lstm", "gru"])
    assert isinstance(error, UserError)
    assert str(error) == "unknown cell 'lsmt'; did you mean 'lstm'? (allowed: gru, lstm, rnn)"


def test_a_name_like_no_other_gets_no_hint():
    assert str(unknown("cell", "xyz", ["lstm"])) == "unknown cell 'xyz' (allowed: lstm)"


def test_nothing_allowed_says_none():
    assert str(unknown("task", "adding", [])) == "unknown task 'adding' (allowed: none)"


def test_names_that_are_not_text_are_shown_all_the_same():
    assert str(unknown("seed", 3, ["one"])) == "unknown seed '3' (allowed: one)"


def test_unsupported_is_a_user_error():
    with pytest.raises(UserError, match="no lstm"):
        raise Unsupported("no lstm")


def test_a_text_is_shortened_in_its_middle():
    assert shortened("abcdefgh", 8) == "abcdefgh"
    assert shortened("abcdefghi", 8) == "abcd…ghi"
    assert shortened("abcdefghi", 7) == "abc…ghi"


def test_what_was_typed_is_repeated_without_what_a_terminal_obeys():
    assert quoted("a\x1b[31m\u202e\0\udcff") == r"'a\x1b[31m\u202e\x00\udcff'"
    assert len(quoted("x" * 5000)) == VALUE
    assert printable("naïve \x1b[0m\ttext") == r"naïve \x1b[0m\ttext"


def test_names_that_no_line_has_room_for_are_counted():
    names = [f"name-{k}" for k in range(1000)]
    said = listed(names)
    shown, _, more = said.partition(" and ")
    assert len(shown) <= NAMES
    assert more == f"{1000 - len(shown.split(', '))} more"
    assert "did you mean 'name-999'?" in str(unknown("name", "name-9999", names))
