"""The edge cases: what a loss is given, and what it must answer."""
