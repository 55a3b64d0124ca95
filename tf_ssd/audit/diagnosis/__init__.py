"""Which errors explain the answers of a loss, over all cases together."""
