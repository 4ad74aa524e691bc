"""Replies of plugins in other languages: whatever bytes come are a message or a BadFrame, whatever they say a line."""

import struct
from contextlib import suppress

import numpy as np
from gradsuite.foreign.backend import info
from gradsuite.foreign.frames import PREFIX, BadFrame, begins, decode_header, decode_payload, encode, lengths
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.refusals import EXAMPLES, taken

ARRAYS = {"weight": np.arange(6.0).reshape(2, 3), "ids": np.arange(3)}
FRAME = encode({"status": "ok"}, ARRAYS)
SAID = {"versions": {"mine": "1.0"}, "devices": ["cpu"], "dtypes": ["float64"], "cells": ["rnn"], "max_layers": 1}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def read(frame: bytes) -> None:
    """Read a frame as the host does. Raises BadFrame, or struct.error for less than its beginning."""
    if begins(frame[:4]):
        header, payload = lengths(frame[: PREFIX.size])
        decode_header(frame[PREFIX.size : PREFIX.size + header])
        decode_payload(frame[PREFIX.size + header : PREFIX.size + header + payload])


@given(st.integers(0, len(FRAME)), st.binary(max_size=12), st.integers(0, 12))
@settings(max_examples=4 * EXAMPLES)
def test_a_torn_frame_is_one_or_a_bad_one(place, written, removed):
    with suppress(BadFrame, struct.error):
        read(FRAME[:place] + written + FRAME[place + removed :])


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
