"""Frames byte by byte, and bytes that are no frames."""

import numpy as np
import pytest
from gradsuite.foreign.frames import BadFrame, begins, decode_header, decode_payload, encode, lengths
from safetensors.numpy import save

# docs/writing-a-backend-in-another-language.md shows these bytes.
EXAMPLE = (
    b"GRAD" + b"\x1c\x00\x00\x00" + b"\x00\x00\x00\x00\x00\x00\x00\x00" + b'{"do": "describe", "a": "b"}'
)  # fmt: skip


def test_a_frame_is_magic_two_lengths_a_header_and_a_payload():
    assert encode({"do": "describe", "a": "b"}, {}) == EXAMPLE
    assert lengths(EXAMPLE[:16]) == (28, 0)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64"])
def test_arrays_arrive_bit_by_bit_whatever_their_strides(dtype):
    whole = np.array([[1, -2, 3], [4, 5, 6]], dtype)
    if dtype != "int64":
        whole[0] = np.nan, np.inf, -0.0
    given = {"whole": whole, "turned": whole.T, "every second": whole[:, ::2], "scalar": whole[1, 0]}
    frame = encode({}, given)
    header, payload = lengths(frame[:16])
    found = decode_payload(frame[16 + header :])
    assert len(frame) == 16 + header + payload
    for name, array in given.items():
        assert found[name].dtype == dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == np.asarray(array, order="C").tobytes()
        assert found[name].flags.writeable


def test_the_beginning_of_a_frame_is_known_from_its_first_byte():
    assert all(begins(EXAMPLE[:count]) for count in range(17))
    assert not any(map(begins, (b"h", b"GRAB", b"GRAM and more")))


@pytest.mark.parametrize(
    ("decode", "given", "message"),
    [
        (lengths, b"GRAD\xff\xff\xff\xff" + bytes(8), "a header of 4294967295 bytes"),
        (decode_header, b"{", "not JSON"),
        (decode_header, b"\xff", "not JSON"),
        (decode_header, b"[" * 100_000, "not JSON"),
        (decode_header, "{}".encode("utf-16"), "not JSON"),
        (decode_header, b"[1]", r"not a JSON object but '\[1\]'"),
        (
            decode_header,
            b'"' + "\u00e9".encode() * 40 + b'"',
            "not a JSON object but '\"\u00e9+\ufffd'",
        ),  # cut in a letter
        (decode_payload, b"nonsense", "not safetensors"),
        (decode_payload, save({"a": np.ones(3)})[:-1], "not safetensors"),
    ],
)
def test_what_is_no_frame_is_one_line(decode, given, message):
    with pytest.raises(BadFrame, match=message) as raised:
        decode(given)
    assert "\n" not in str(raised.value)
