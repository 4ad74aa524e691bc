"""Faults of what an experiment yields: rows that are none, and texts that no file could hold."""

import os

import numpy as np
from gradsuite.rows import Measurement

from tests.faults.table import FAULTS, Fault

MEGABYTE = "x" * 2**20
HALF = "\ud800"  # half a character


class Unspeakable:
    """Can be neither shown nor taken for a number."""

    def __repr__(self):
        raise ValueError("no")

    __float__ = __int__ = __repr__


class Leaving:
    """Ends the process when it is taken for a number."""

    def __float__(self):
        os._exit(9)


ROWS = {
    "metric-none": ([Measurement(None, 1.0)], "a metric is a text, not None"),
    "metric-number": ([Measurement(1, 1.0)], "a metric is a text, not 1"),
    "metric-bytes": ([Measurement(b"m", 1.0)], "a metric is a text, not b'm'"),
    "metric-empty": ([Measurement("", 1.0)], "a metric is a text, not ''"),
    "metric-set": ([Measurement({1}, 1.0)], "a metric is a text, not {1}"),
    "value-none": ([Measurement("m", None)], "the value of 'm' is no number: None"),
    "value-text": ([Measurement("m", "1.0")], "the value of 'm' is no number: '1.0'"),
    "value-set": ([Measurement("m", {1.0})], "the value of 'm' is no number: {1.0}"),
    "value-list": ([Measurement("m", [1.0])], "the value of 'm' is no number: [1.0]"),
    "value-complex": ([Measurement("m", 1j)], "the value of 'm' is no number: 1j"),
    "value-too-large": ([Measurement("m", 10**400)], "the value of 'm' is no number: 1000"),
    "value-array": ([Measurement("m", np.zeros(3))], "the value of 'm' is no number: array("),
    "value-unspeakable": (
        [Measurement("m", Unspeakable())],
        "is no number: something of the class Unspeakable that cannot be shown",
    ),
    "value-leaving": ([Measurement("m", Leaving())], "the worker ended with exit status 9"),
    "index-nan": ([Measurement("m", 1.0, index=np.nan)], "the index of 'm' is no whole number up to 2^53: nan"),
    "index-infinite": ([Measurement("m", 1.0, index=np.inf)], "the index of 'm' is no whole number"),
    "index-half": ([Measurement("m", 1.0, index=0.5)], "the index of 'm' is no whole number"),
    "index-text": ([Measurement("m", 1.0, index="1")], "the index of 'm' is no whole number"),
    "index-beyond": ([Measurement("m", 1.0, index=2**63)], "up to 2^53: 9223372036854775808"),
    "index-unspeakable": ([Measurement("m", 1.0, index=Unspeakable())], "that cannot be shown"),
    "layer-set": ([Measurement("m", 1.0, layer={0})], "the layer of 'm' is no whole number"),
    "member-list": ([Measurement("m", 1.0, member=[0])], "the member of 'm' is no whole number"),
    "unit-none": ([Measurement("m", 1.0, unit=None)], "the unit of 'm' is a text, not None"),
    "unit-bytes": ([Measurement("m", 1.0, unit=b"s")], "the unit of 'm' is a text, not b's'"),
    "note-number": ([Measurement("m", 1.0, note=5)], "the note of 'm' is a text, not 5"),
    "round-none": (None, "a round is a list of measurements, not None"),
    "round-number": (5, "a round is a list of measurements, not 5"),
    "round-text": ("rows", "a round is a list of measurements, but there is 'r' in it"),
    "round-set": ({Measurement("m", 1.0)}, "a round is a list of measurements, not {Measurement("),
    "round-table": ({"m": 1.0}, "a round is a list of measurements, but there is 'm' in it"),
    "round-of-lists": ([["m", 1.0]], "a round is a list of measurements, but there is ['m', 1.0] in it"),
    "round-unspeakable": ([Unspeakable()], "there is something of the class Unspeakable that cannot be shown in it"),
}
DATA = {  # these are no faults: what is not finite is data, and a text is cut or mended
    "value-nan": [Measurement("m", float("nan"))],
    "value-infinite": [Measurement("m", float("-inf"))],
    "metric-megabyte": [Measurement(MEGABYTE, 1.0)],
    "metric-half": [Measurement(HALF, 1.0)],
    "note-megabyte": [Measurement("m", 1.0, note=MEGABYTE)],
    "note-half": [Measurement("m", 1.0, note=HALF)],
    "index-last": [Measurement("m", 1.0, index=2**53)],
}
for name, (rows, words) in ROWS.items():
    FAULTS[name] = Fault(lambda rows=rows: rows, "error", words)
for name, rows in DATA.items():
    FAULTS[name] = Fault(lambda rows=rows: rows, "ok", "")
