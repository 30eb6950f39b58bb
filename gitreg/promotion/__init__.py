"""Promotion: what the default branch says of aliases, what would move, what the policy says of it, and moving it."""
