"""Bodies of networks, one file a family."""
