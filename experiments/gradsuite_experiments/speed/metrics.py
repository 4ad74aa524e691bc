"""What is measured: the names of the calls that are timed, of their first calls, of products and of memory."""

FORWARD = "forward"
BACKWARD = "backward"
UPDATE = "update"
STEP = "step"
GRADIENT = "gradient"
GRADIENT_STATES = "gradient_states"
# Samples in seconds, `index` the round; `note` says what disturbed one, and is empty where nothing did.
CALLS = (FORWARD, BACKWARD, UPDATE, STEP, GRADIENT, GRADIENT_STATES)
# Seconds of the first call of each.
FIRST = {
    FORWARD: "forward_first",
    BACKWARD: "backward_first",
    UPDATE: "update_first",
    STEP: "step_first",
    GRADIENT: "gradient_first",
}
# Samples of matrix products by themselves: `member` is which product of the gradient, `note` by which library.
PRODUCT = "product"
PEAK_MEMORY = "peak_memory"
