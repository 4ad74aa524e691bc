"""Driven tanh RNNs against mean-field theory."""
