"""Replies of plugins: whatever bytes come are a message, or named as none, and whatever they say a value or a line."""

import json
from contextlib import suppress

import numpy as np
from gradsuite.foreign.backend import info
from gradsuite.foreign.frames import PREFIX, BadFrame, begins, decode_header, decode_payload, encode, lengths
from gradsuite.worker.frames import HEADER, Garbage, Incoming
from gradsuite.worker.malformed import Malformed
from gradsuite.worker.replies import ANSWERS, checked
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.refusals import EXAMPLES, one_line, taken
from tests.fuzz.target import Target

ARRAYS = {"weight": np.arange(6.0).reshape(2, 3), "ids": np.arange(3)}
SAID = {"versions": {"mine": "1.0"}, "devices": ["cpu"], "dtypes": ["float64"], "cells": ["rnn"], "max_layers": 1}
SECRET = bytes(range(16))
VERBS = sorted(ANSWERS)
ANSWER = {
    "describe": {"info": {"name": "mine", "versions": {"mine": "1"}, "devices": ["cpu"], "dtypes": [], "cells": []}},
    "start": {"done": False, "measurements": [["m", 1.5, "s", None, 0, 2, ""]], "changed": []},
    "save": {"step": 1},
}
JSON = (
    b"null",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"[[",
    b"{}",
    b'"',
    b"\\ud800",
    b"9007199254740993",
    b"true",
    b"[null]",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def read_frame(data: bytes) -> None:
    """Read a frame of a command as the host does, and what it says of itself, if it does."""
    try:
        if not begins(data[:4]) or len(data) < PREFIX.size:
            return
        header, payload = lengths(data[: PREFIX.size])
        said = decode_header(data[PREFIX.size : PREFIX.size + header])
        decode_payload(data[PREFIX.size + header : PREFIX.size + header + payload])
    except BadFrame as error:
        one_line(error)
    else:
        taken(info, "mine", said.get("info"))


def read_reply(data: bytes) -> None:
    """Read a worker's reply: the first byte says to what, all that follows is its JSON."""
    do = VERBS[data[0] % len(VERBS)] if data else VERBS[0]
    request = {"do": "train", "verb": do} if do in ("begin", "walk", "save", "end") else {"do": do}
    incoming = Incoming(SECRET)
    incoming.add(HEADER.pack(SECRET, 1, len(data[1:])) + data[1:])
    try:
        reply = incoming.take()
        assert reply is not None
        whole = checked(request, reply, "mine")
    except (Garbage, Malformed) as error:
        one_line(error)
    else:
        json.dumps(whole, default=repr).encode()


def read_pipe(data: bytes) -> None:
    """Read what came through a worker's pipe, byte by byte."""
    incoming = Incoming(SECRET)
    with suppress(Garbage):
        for place in range(len(data)):
            incoming.add(data[place : place + 1])
            incoming.take()


FRAME = Target(
    read_frame,
    (encode({"status": "ok"}, ARRAYS), encode({"status": "ok", "info": SAID}, {}), encode({"status": "error"}, {})),
    (b"GRAD", bytes(8), b'"dtype":"F64"', b'"shape":[', b'"data_offsets":[', b"BF16", b"\xff\xfe", *JSON),
)
REPLY = Target(
    read_reply,
    tuple(bytes([VERBS.index(do)]) + json.dumps({"status": "ok", **answer}).encode() for do, answer in ANSWER.items()),
    (*JSON, b'"status":"error"', b'"reason":', *(f'"{name}":'.encode() for one in ANSWERS.values() for name in one)),
)
PIPE = Target(read_pipe, (HEADER.pack(SECRET, 1, 2) + b"{}",), (SECRET, bytes(12), b"\xff\xff\xff\xff", *JSON))


@given(FRAME.inputs())
@settings(max_examples=4 * EXAMPLES)
def test_any_bytes_are_a_frame_or_a_bad_one(data):
    FRAME.read(data)


@given(REPLY.inputs())
@settings(max_examples=4 * EXAMPLES)
def test_any_bytes_are_a_workers_reply_or_a_line(data):
    REPLY.read(data)


@given(PIPE.inputs())
@settings(max_examples=EXAMPLES)
def test_any_bytes_in_the_pipe_are_frames_or_garbage(data):
    PIPE.read(data)


@given(st.binary(max_size=200))
@settings(max_examples=EXAMPLES)
def test_bytes_are_a_header_and_a_payload_or_bad(data):
    for decode in (decode_header, decode_payload):
        with suppress(BadFrame):
            decode(data)


@given(st.sampled_from(sorted(SAID)) | st.text(max_size=8), json_values)
@settings(max_examples=2 * EXAMPLES)
def test_whatever_a_command_says_of_itself_is_a_description_or_a_line(field, value):
    taken(info, "mine", {**SAID, field: value})


@given(json_values)
@settings(max_examples=EXAMPLES)
def test_whatever_comes_in_place_of_a_description_is_a_line(value):
    taken(info, "mine", value)
