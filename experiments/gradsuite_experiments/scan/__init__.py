"""Recurrences that are linear in their state: a loop against scans, and minGRU against nn.GRU."""
