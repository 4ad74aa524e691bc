"""One training on all backends: how far their loss curves part, and at which rate."""
