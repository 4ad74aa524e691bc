"""How far backends drift from exact arithmetic."""
