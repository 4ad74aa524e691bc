"""A command that speaks the protocol with NumPy's backend behind it, written from the guide: `python speaker.py`.

It has one verb of its own, `held`: how many numbers it holds. As `python speaker.py dies` it dies in every `forward`.
"""

import json
import os
import signal
import struct
import sys

from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.schedule import Schedule
from gradsuite_numpy.backend import NumpyBackend
from safetensors.numpy import load, save

PREFIX = struct.Struct("<4sIQ")
backend = NumpyBackend()
held = {}


def describe(request, arrays):
    info = backend.describe()
    return {
        "protocol": 1,
        "info": {
            "versions": dict(info.versions),
            "devices": info.devices,
            "dtypes": info.dtypes,
            "cells": info.cells,
            "features": info.features,
        },
    }


def build(request, arrays):
    truncation = request["schedule"]["truncation"]
    schedule = Schedule(truncation and tuple(truncation), request["schedule"]["checkpoint"])
    held[request["network"]] = backend.build(
        Model(**request["model"]), arrays, device=request["device"], dtype=request["dtype"], schedule=schedule
    )


def assign(request, arrays):
    held[request["network"]].parameters = arrays


def put(request, arrays):
    held[request["batch"]] = held[request["network"]].put(Batch(arrays["inputs"], arrays["targets"]))


def forward(request, arrays):
    if sys.argv[1:] == ["dies"]:
        os.kill(os.getpid(), signal.SIGSEGV)
    network = held[request["network"]]
    tape = network.forward(held[request["batch"]], states=request["states"])
    results = {"loss": network.fetch(tape.loss), "outputs": network.fetch(tape.outputs)}
    held[request["tape"]] = network, tape, results


def backward(request, arrays):
    network, tape, _ = held[request["tape"]]
    gradients = network.fetch_gradients(network.backward(tape))
    by_state = {"states": gradients.states, "cell_states": gradients.cell_states}
    held[request["gradients"]] = None, None, {**gradients.parameters, **by_state}


def fetch(request, arrays):
    return {name: held[request["from"]][2][name] for name in request["names"]}


def count(request, arrays):
    return {"count": len(held)}


VERBS = {verb.__name__: verb for verb in (describe, build, assign, put, forward, backward, fetch)} | {"held": count}


def main():
    while prefix := sys.stdin.buffer.read(PREFIX.size):
        _, header, payload = PREFIX.unpack(prefix)
        request, arrays = json.loads(sys.stdin.buffer.read(header)), sys.stdin.buffer.read(payload)
        for number in request.get("release", ()):
            held.pop(number, None)
        try:
            reply, found = {"status": "ok"}, b""
            done = VERBS[request["do"]](request, load(arrays) if arrays else {})
            if request["do"] == "fetch":
                found = save({name: array.copy(order="C") for name, array in done.items()})
            else:
                reply |= done or {}
        except Exception as error:  # noqa: BLE001  the host is told, whatever it is
            reply, found = {"status": "error", "reason": f"{type(error).__name__}: {error}"}, b""
        text = json.dumps(reply).encode()
        sys.stdout.buffer.write(PREFIX.pack(b"GRAD", len(text), len(found)) + text + found)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
