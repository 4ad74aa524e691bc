"""Frames: what was packed is taken, in whatever pieces it comes, and nothing else is."""

import math
import struct

import pytest
from gradsuite.worker.frames import HEADER, LONGEST, SECRET, Garbage, Incoming, pack
from hypothesis import given
from hypothesis import strategies as st

OURS, OTHER = b"a" * SECRET, b"b" * SECRET
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def taken(frame: bytes, secret: bytes = OURS):
    incoming = Incoming(secret)
    incoming.add(frame)
    return incoming.take()


@given(st.dictionaries(st.text(), JSON), st.integers(0, 2**64 - 1), st.integers(1, 7))
def test_what_was_packed_is_taken_whole(message, number, piece):
    frame, incoming = pack(OURS, number, message), Incoming(OURS)
    for start in range(0, len(frame), piece):
        assert incoming.take() is None
        incoming.add(frame[start : start + piece])
    assert (incoming.take(), incoming.number, bytes(incoming.bytes)) == (message, number, b"")


def test_frames_one_after_another_are_told_apart():
    incoming = Incoming(OURS)
    incoming.add(pack(OURS, 1, {"a": 1}) + pack(OURS, 2, {"b": 2}))
    assert (incoming.take(), incoming.number) == ({"a": 1}, 1)
    assert (incoming.take(), incoming.number) == ({"b": 2}, 2)


def test_numbers_that_are_not_finite_pass():
    assert math.isnan(taken(pack(OURS, 0, {"value": math.nan}))["value"])
    assert taken(pack(OURS, 0, {"value": -math.inf}))["value"] == -math.inf


def test_the_first_frame_tells_an_unknown_secret_and_the_next_must_have_it():
    incoming = Incoming()
    incoming.add(pack(OTHER, 0, {}))
    assert (incoming.take(), incoming.secret) == ({}, OTHER)
    incoming.add(pack(OURS, 1, {}))
    with pytest.raises(Garbage, match="no answer"):
        incoming.take()


@given(st.binary(min_size=1))
def test_any_other_bytes_are_garbage_at_once(text):
    if OURS.startswith(text[:SECRET]):
        assert taken(text[:SECRET]) is None
    else:
        with pytest.raises(Garbage, match="no answer"):
            taken(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff{}", "no JSON"),
        (b"9" * 5000, "no JSON"),  # more digits than Python reads
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no answer, but '\\[\\]'"),
        (b"null", "no answer, but 'null'"),
    ],
)
def test_with_the_secret_it_must_be_an_object_of_json(text, said):
    with pytest.raises(Garbage, match=said):
        taken(HEADER.pack(OURS, 0, len(text)) + text)


def test_a_length_that_nobody_would_send_is_not_waited_for():
    with pytest.raises(Garbage, match="is announced"):
        taken(HEADER.pack(OURS, 0, LONGEST + 1))
    with pytest.raises(struct.error):
        HEADER.pack(OURS, 0, 2**32)
