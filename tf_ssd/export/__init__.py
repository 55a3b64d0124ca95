"""Models for other runtimes, and the proof that they detect the same."""
