"""What is wrong with a dataset, and how the default boxes suit it."""
