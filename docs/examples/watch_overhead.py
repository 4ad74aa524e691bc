"""What a watch costs: training steps with and without it, in turns, as paired ratios with their interval.

python docs/examples/watch_overhead.py [ROUNDS]

A round is 100 steps of each, in random order; one of the 100 that are watched is looked at (`every=100`). It is the
processor's time of one thread, in which what else the machine does counts little.
"""

import random
import sys
import time
from collections.abc import Callable

import gradsuite
import torch
from gradsuite.measuring.intervals import ratio_interval

STEPS = 100
SHAPES = {"small": (50, 16, 8, 32), "medium": (100, 32, 32, 128)}  # T, B, I, H


class Model(torch.nn.Module):
    """An LSTM whose last output is read."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(inputs, hidden)
        self.readout = torch.nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 1) of x (T, B, I)."""
        output: torch.Tensor = self.readout(self.lstm(x)[0][-1])
        return output


def training(shape: tuple[int, int, int, int]) -> tuple[Model, Callable[[], float]]:
    """Return a model, and what takes its next 100 steps and returns the seconds they took."""
    T, B, inputs, hidden = shape
    torch.manual_seed(0)
    model = Model(inputs, hidden)
    optimizer = torch.optim.Adam(model.parameters())
    x, y = torch.randn(T, B, inputs), torch.randn(B, 1)

    def steps() -> float:
        began = time.process_time()
        for _ in range(STEPS):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), y).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        return time.process_time() - began

    return model, steps


def main(rounds: int) -> None:
    """Print the overhead at each size, with and without the question of every step whether its numbers are finite."""
    torch.set_num_threads(1)
    for name, shape in SHAPES.items():
        for finite in (True, False):
            model, watched = training(shape)
            _, alone = training(shape)
            with gradsuite.watch(model, every=STEPS, finite=finite):
                watched(), alone()  # the first step is looked at, and kernels are warmed up
                pairs = []
                for _ in range(rounds):
                    turns = [("watched", watched), ("alone", alone)]
                    random.shuffle(turns)
                    pairs.append({which: steps() for which, steps in turns})
            ratio = ratio_interval([pair["watched"] for pair in pairs], [pair["alone"] for pair in pairs])
            step = min(pair["alone"] for pair in pairs) / STEPS
            print(
                f"{name:<7} T, B, I, H = {shape}, {1000 * step:.2f} ms a step, finite={finite}: "
                f"{ratio.median - 1:+.1%} ({ratio.low - 1:+.1%} to {ratio.high - 1:+.1%}, {rounds} rounds)",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
