import pytest
from gradsuite.alias import is_tuned, original, require_second, tuned, twin
from gradsuite.errors import UserError


def test_second_names_lead_back_to_the_first():
    assert (twin("mine"), tuned("mine")) == ("mine@2", "mine@tuned")
    assert tuned(tuned("mine")) == tuned("mine")
    assert {original(name) for name in ("mine", twin("mine"), twin(tuned("mine")))} == {"mine"}
    assert [is_tuned(name) for name in ("mine", "tuned", twin("mine"), twin(tuned("mine")))] == [False] * 3 + [True]


def test_what_stands_for_a_worker_is_a_second_name():
    for name in ("mine", twin("mine"), tuned("mine"), twin(tuned("mine")), tuned(twin("mine")), "mine@17"):
        require_second(name)


@pytest.mark.parametrize("second", ["", "@@", "<script>", "tunde", "0", "02", "2@3", "tuned@tuned", "HEAD", "12345"])
def test_anything_else_is_none(second):
    with pytest.raises(UserError, match=r"unknown second name of 'mine' '.*allowed: 2, tuned"):
        require_second(f"mine@{second}")
