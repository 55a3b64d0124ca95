"""How an implementation is asked for value and gradient, whatever its framework and signature."""
