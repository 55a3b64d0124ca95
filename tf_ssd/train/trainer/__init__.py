"""Training steps and the state that a run is resumed from."""
