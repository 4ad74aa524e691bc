"""A report in other forms than its page: one form a module."""
