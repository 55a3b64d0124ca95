"""A page of what a detector gets wrong, whole in one file."""
