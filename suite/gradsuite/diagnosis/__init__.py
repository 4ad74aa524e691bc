"""Diagnosis of somebody's own network: where its gradient goes, why, and what would help."""
