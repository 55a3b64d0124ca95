"""TensorFlow's Object Detection API as witness, by its rules alone: heads that give (ty, tx, th, tw), and its box coder."""

import numpy as np

import reference_torch.default_boxes as reference
from tf_ssd import coder
from tf_ssd.weights import mediapipe

LEVEL, CHANNELS = 1, 8
SCALES = (10, 10, 5, 5)  # of ty, tx, th and tw


def test_a_head_gives_the_same_boxes() -> None:
    """That of a file, decoded by the API's `FasterRcnnBoxCoder`, and imported and decoded by ours."""
    rng = np.random.default_rng(0)
    defaults = reference.default_boxes(reference.OD300).double().numpy()[1083:1095]  # two cells with six boxes each
    kernel, bias = rng.normal(size=(24, 1, 1, CHANNELS)), rng.normal(size=24)
    features = rng.normal(size=(2, CHANNELS))

    encodings = (features @ kernel[:, 0, 0].T + bias).reshape(-1, 4)
    ty, tx, th, tw = (encodings / SCALES).T
    x, y, width, height = defaults.T
    rows, columns = y + ty * height, x + tx * width
    tall, wide = height * np.exp(th), width * np.exp(tw)
    expected = np.stack([columns - wide / 2, rows - tall / 2, columns + wide / 2, rows + tall / 2], axis=-1)

    scope, targets = f"BoxPredictor_{LEVEL}/BoxEncodingPredictor", mediapipe.MEDIAPIPE.targets
    imported = {
        kind: targets[f"{scope}/{kind}"].conversion.apply(array) for kind, array in {"kernel": kernel, "bias": bias}.items()
    }
    offsets = (features @ imported["kernel"][0, 0] + imported["bias"]).reshape(-1, 4)
    actual = coder.decode(offsets, defaults, variances=mediapipe.CONFIG.variances, max_log_scale=None)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
