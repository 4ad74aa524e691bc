import pytest
from gradsuite.errors import Unsupported, UserError, unknown


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
