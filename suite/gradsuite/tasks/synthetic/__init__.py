"""Synthetic problems: their batches are drawn, and never end."""
