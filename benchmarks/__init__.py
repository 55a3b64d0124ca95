"""Scripts that print a ratio against a peer measured in the same run.

Those that are run import parity_tests first, which imports torchvision before TensorFlow.
"""
