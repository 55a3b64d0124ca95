"""Scripts that print a ratio against a peer measured in the same run."""

import parity_tests  # noqa: F401  imports torchvision before TensorFlow
