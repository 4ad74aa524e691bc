"""Diagnosis of somebody's own network: where its gradient goes, why, and what would help.

A call, or `files`, asks a question, and a plugin finds the `patient`. `flow` and `layers` are what is seen of it on its
data; `answers` say what that means, the last of them by trying `remedies`. `watching` is for a network that is being
trained. What counts as sick stands in `thresholds`; pages are the report's.
"""
