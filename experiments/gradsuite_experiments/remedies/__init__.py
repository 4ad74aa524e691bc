"""What helps a gradient to reach back, and what it costs."""
