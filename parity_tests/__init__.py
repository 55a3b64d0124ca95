"""tf_ssd against reference_torch, operation by operation.

This package alone imports TensorFlow and PyTorch into one process. The order matters: torchvision brings a copy of LLVM (through
triton) that aborts the process if TensorFlow has registered the same command-line options before it. So torchvision comes first,
here, for everything that needs both: the tests, the root conftest.py and the benchmarks import this package before TensorFlow.
"""

import sys

if "tensorflow" in sys.modules and "torchvision" not in sys.modules:
    raise ImportError(
        "TensorFlow was imported before torchvision, which would abort the process; import parity_tests (or torchvision) first"
    )

import torchvision  # noqa: F401
