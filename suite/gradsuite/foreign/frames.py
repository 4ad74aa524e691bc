"""A frame: magic, two lengths, a header in JSON and a payload in safetensors; all that crosses the pipes is frames."""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

MAGIC = b"GRAD"
PREFIX = struct.Struct("<4sIQ")  # magic, bytes of the header, bytes of the payload
DTYPES = ("float64", "float32", "float16")  # of numbers; classes are int64
LONGEST_HEADER = 2**20  # bytes; a length beyond it is no length

Header = dict[str, Any]
Arrays = dict[str, np.ndarray]


class BadFrame(ValueError):
    """Bytes that are no frame; the message says what they are, as the end of `the command ...`."""


def encode(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the frame of a message; without arrays the payload is empty."""
    text = json.dumps(header, ensure_ascii=False).encode()  # UTF-8, so that a reader needs no escapes but \" and \\
    # safetensors copies raw memory, whatever the strides.
    payload = save({name: np.asarray(array, order="C") for name, array in arrays.items()}) if arrays else b""
    return PREFIX.pack(MAGIC, len(text), len(payload)) + text + payload


def begins(start: bytes) -> bool:
    """Whether these bytes, be they few, can be the beginning of a frame."""
    return start[: len(MAGIC)] == MAGIC[: len(start)]


def lengths(prefix: bytes) -> tuple[int, int]:
    """Return the lengths of header and payload. Raises BadFrame for a header of more than 1 MiB."""
    _, header, payload = PREFIX.unpack(prefix)
    if header > LONGEST_HEADER:
        raise BadFrame(f"sent a frame with a header of {header} bytes (at most {LONGEST_HEADER})")
    return header, payload


def decode_header(text: bytes) -> Header:
    """Return a header. Raises BadFrame if it is not a JSON object, in UTF-8."""
    try:
        header = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"sent a header that is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise BadFrame(f"sent a header that is not a JSON object but {text[:60].decode(errors='replace')!r}")
    return header


def decode_payload(payload: bytes) -> Arrays:
    """Return the arrays of a payload, which the caller may write into. Raises BadFrame if it is not safetensors."""
    if not payload:
        return {}
    try:
        return {name: array.copy() for name, array in load(payload).items()}
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a dtype that NumPy lacks
        raise BadFrame(f"sent a payload that is not safetensors: {error}") from error
