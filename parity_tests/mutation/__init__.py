"""Mutants made by rule: what in the code could be changed without a test that notices."""
