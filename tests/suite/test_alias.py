from gradsuite.alias import is_tuned, original, tuned, twin


def test_second_names_lead_back_to_the_first():
    assert (twin("mine"), tuned("mine")) == ("mine@2", "mine@tuned")
    assert tuned(tuned("mine")) == tuned("mine")
    assert {original(name) for name in ("mine", twin("mine"), twin(tuned("mine")))} == {"mine"}
    assert [is_tuned(name) for name in ("mine", "tuned", twin("mine"), twin(tuned("mine")))] == [False] * 3 + [True]
