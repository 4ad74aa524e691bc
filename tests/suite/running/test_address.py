"""The address of a Dask scheduler: refused before Dask is imported, whatever is wrong with it."""

import socket
import time

import pytest
from gradsuite.errors import UserError
from gradsuite.running.executors import address
from gradsuite.running.executors.address import host_and_port, require_scheduler


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tcp://localhost:8786", ("localhost", 8786)),
        ("tcp://[::1]:1", ("::1", 1)),
        ("tls://a.b.c:65535", ("a.b.c", 65535)),
        ("ws://10.0.0.1:80/path", ("10.0.0.1", 80)),
        ("inproc://10.0.0.1/7/1", None),
    ],
)
def test_an_address_has_a_host_and_a_port(text, place):
    assert host_and_port(text) == place


@pytest.mark.parametrize(
    "text",
    ["", "foo", "foo:8786", "tcp://", "tcp://host", "tcp://:1", "tcp://[::1", "tcp://h:x", "tcp://h:0", "http://h:1"],
)
def test_another_text_is_refused_with_the_form_of_one(text):
    with pytest.raises(UserError, match="is like tcp://host:8786, not"):
        require_scheduler(text)


def test_where_something_listens_nothing_is_wrong():
    with socket.create_server(("127.0.0.1", 0)) as server:
        require_scheduler(f"tcp://127.0.0.1:{server.getsockname()[1]}")


def test_where_nothing_listens_the_system_says_why():
    with pytest.raises(UserError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1': Connection refused"):
        require_scheduler("tcp://127.0.0.1:1")


def test_a_name_that_is_looked_for_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(address, "PATIENCE", 0.05)
    monkeypatch.setattr(socket, "create_connection", lambda *_: time.sleep(60))
    with pytest.raises(UserError, match=r"no answer within 0.05 s"):
        require_scheduler("tcp://host:1")
