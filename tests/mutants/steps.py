"""Programs of a step repeated wrongly: what takes the place of what, and the check that must catch it."""

import torch
from gradsuite_torch import steps
from gradsuite_torch.program import Step

RIGHT = {"arriving": steps.arriving, "weight_gradient": steps.weight_gradient, "added": steps.added}
RESULTS = Step.results


def without_outputs(program, by_states, by_output):
    """Leave out what comes from what a step puts out, but at the last step."""
    arrived = RIGHT["arriving"](program, by_states, None)
    return arrived if any(by.any() for by in by_states) else RIGHT["arriving"](program, by_states, by_output)


def rows_of_the_step_after(dz, rows):
    """Multiply each step's dz by the state after it."""
    return RIGHT["weight_gradient"](dz, torch.roll(rows, -1, 0))


def of_the_first_step_alone(one, other):
    """Keep the first of all gradients that add up."""
    return RIGHT["added"](one, None if one is not None else other)


def unpadded(self, cell, xp):
    """Hold no state past the length of its sequence."""
    valid = None if self.valid is None else torch.ones_like(self.valid)
    return RESULTS(self._replace(valid=valid), cell, xp)


MUTANTS = {
    "outputs-of-earlier-steps-left-out": (steps, "arriving", without_outputs, "gradients-peephole"),
    "rows-of-the-step-after": (steps, "weight_gradient", rows_of_the_step_after, "gradients-peephole"),
    "parameters-of-one-step-alone": (steps, "added", of_the_first_step_alone, "gradients-peephole"),
    "states-go-on-past-a-length": (Step, "results", unpadded, "sequences-peephole"),
}
