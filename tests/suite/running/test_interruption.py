"""Signals that end a program, and their echoes."""

import signal

import pytest
from gradsuite.running.interruption import Echoes, Interruption, Stopped, exit_status, stoppable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_and_its_echo_stop_once(number, monkeypatch):
    monkeypatch.setattr("gradsuite.running.interruption.ECHO", 60.0)
    before = signal.getsignal(number)
    with stoppable():
        with pytest.raises(Stopped) as stop:
            signal.raise_signal(number)
        signal.raise_signal(number)
    assert exit_status(stop.value) == 128 + number
    assert signal.getsignal(number) is before


def test_one_that_comes_later_is_none(monkeypatch):
    monkeypatch.setattr("gradsuite.running.interruption.ECHO", 0.0)
    echoes = Echoes()
    assert [echoes.heard(), echoes.heard()] == [False, False]
    with stoppable(), Interruption() as interruption:
        signal.raise_signal(signal.SIGTERM)
        assert interruption.came == signal.SIGTERM
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
