"""The address of a Dask scheduler: refused before Dask is imported, whatever is wrong with it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

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


@contextmanager
def server(says: bytes) -> Iterator[str]:
    """Give the address of a server that says this to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with listening.accept()[0] as connection, suppress(ConnectionError):
                connection.sendall(says)
                connection.recv(1)

        thread = Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def test_a_scheduler_answers():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None, silence_logs=50) as cluster:
        assert cluster.scheduler_address.startswith("tcp://")
        require_scheduler(cluster.scheduler_address)


@pytest.mark.parametrize("says", [b"SSH-2.0-OpenSSH_9.6\r\n", b"220 mail.example\r\n", bytes(8)])
def test_another_server_is_refused(says):
    with (
        server(says) as place,
        pytest.raises(UserError, match=f"answers at '{place}': what is there is another server"),
    ):
        require_scheduler(place)


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(address, "PATIENCE", 0.2)
    with server(b"") as place, pytest.raises(UserError, match=rf"answers at '{place}': no answer within 0\.2 s"):
        require_scheduler(place)


def test_where_nothing_listens_the_system_says_why():
    with pytest.raises(UserError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1': Connection refused"):
        require_scheduler("tcp://127.0.0.1:1")


def test_a_name_that_is_looked_for_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(address, "PATIENCE", 0.05)
    monkeypatch.setattr(socket, "create_connection", lambda *_: Event().wait())  # for ever: nothing comes later
    with pytest.raises(UserError, match=r"no answer within 0.05 s"):
        require_scheduler("tcp://host:1")
