"""The dataset doctor: what is wrong with a dataset, and how well default boxes fit it."""
