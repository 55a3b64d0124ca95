"""The audit of a MultiBox loss: edge cases, ways to ask an implementation, and reports."""
