"""A diagnosis as a page and as text, and the page of a watch over a training."""
