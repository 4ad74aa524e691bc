"""Closed-form laws of gradient flow, one family a module: what measurements are held against."""
