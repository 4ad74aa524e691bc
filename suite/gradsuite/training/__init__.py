"""Training in the host, over the interface's three verbs: any backend that computes gradients can learn."""
