"""What the page on other languages shows the host to say is what it says, and the shown replies are understood."""

import json
import re

import numpy as np
from gradsuite.backend import Batch
from gradsuite.foreign import child, frames
from gradsuite.foreign.backend import command_backend, info
from gradsuite.model import Model
from gradsuite.parameters import initialise

from tests.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "writing-a-backend-in-another-language.md"
(EXCHANGE,) = (block.text for block in blocks(PAGE) if block.language == "text")
SAID = [" ".join(line.split()) for line in re.split(r"\n(?=[<>] )", EXCHANGE.strip())]
REQUESTS = [json.JSONDecoder().raw_decode(line[2:])[0] for line in SAID if line.startswith(">")]
REPLIES = [json.JSONDecoder().raw_decode(line[2:])[0] for line in SAID if line.startswith("<")]


class Program(child.Child):
    """Replies as the page does, and keeps the headers of the requests."""

    def __init__(self, name, command):
        super().__init__(name, ["cat"])
        self.heard = []

    def _send(self, frame, verb):
        length, _ = frames.lengths(frame[:16])
        self.heard.append(frames.decode_header(frame[16 : 16 + length]))

    def _receive(self, verb):
        names = self.heard[-1].get("names", ())
        return REPLIES[len(self.heard) - 1], {name: np.zeros(1) for name in names}


def test_the_exchange_is_what_is_said(monkeypatch):
    monkeypatch.setattr("gradsuite.foreign.backend.Child", Program)
    backend = command_backend("mine", ["mine"])()
    model = Model("rnn", 2, 3, 1)
    network = backend.build(model, initialise(model), dtype="float64")
    batch = network.put(Batch(np.zeros((4, 5, 2)), np.zeros((5, 1))))
    network.fetch_gradients(network.backward(network.forward(batch, states=True)))
    heard = backend.child.heard
    backend.child.close()
    assert heard == REQUESTS
    assert len(REPLIES) == len(REQUESTS) == 6


def test_the_shown_description_is_one():
    assert info("mine", REPLIES[0]["info"]).cells == ("rnn",)
