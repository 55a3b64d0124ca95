"""From files, or from a random seed, to batches of images and ground truth."""
