"""What truncated BPTT loses and saves."""
