import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("options", "has"), [("0", False), ("1", None)])
def test_kernels_of_dilated_convolutions_are_asked_for(options, has):
    """Without oneDNN no CPU has them; with it, it depends on the CPU, but never in float64."""
    code = "from tf_ssd.network.kernels.dilation import tf, has_kernels as has; print(has(tf.float32), has(tf.float64))"
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": options, "CUDA_VISIBLE_DEVICES": ""}
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout.split()
    assert output[1] == "False"
    assert has is None or output[0] == str(has)
