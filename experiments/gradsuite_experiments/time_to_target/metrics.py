"""What is measured of a training to a target."""

SECONDS = "seconds_to_target"  # of steps alone, by round; its note says what disturbed it
FIRST = "first_seconds_to_target"  # of the first training, compilation included; infinite if the target is not reached
STEPS = "steps_to_target"
EXAMPLES = "examples_to_target"
REACHED = "score"  # at the last look; its note says how the training ended
