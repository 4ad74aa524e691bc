"""Deep networks against mean-field theory."""
