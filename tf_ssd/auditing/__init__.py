"""The audit of a MultiBox loss: cases with known answers, implementations that run them, and what is said about the difference."""
