"""SSD300 for TensorFlow 2 / Keras 3, verified number by number against an independent PyTorch implementation."""

__version__ = "0.1.0"
