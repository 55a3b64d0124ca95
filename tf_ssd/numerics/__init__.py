"""What operations and layers compute with: at least float32 where it matters, and gradients of our own."""
