"""Where a rule is combinatorial, every case of a small world, and not a sample: matching, suppression and mining.

Overlaps are given, not computed: a box carries its number and that of its world, and `iou` looks the pair up.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import tensorflow as tf
import torch

import reference_torch.detect
import reference_torch.matcher
from parity_tests.adapters import EAGER, REFERENCE, TensorFlow
from parity_tests.summary import SMALL_WORLD
from tf_ssd import boxes, detect

THRESHOLD = 0.5
SHAPES = [(1, 1), (2, 2), (3, 3), (2, 4), (4, 2)]  # a table with a row or column of zeros stands for a smaller one


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Call it with the number of cases: the run's summary adds them up."""
    operation = request.node.originalname.removeprefix("test_every_")
    return lambda cases: request.node.user_properties.append((SMALL_WORLD, (operation, cases)))


def tables(entries: tuple[float, ...], size: int) -> np.ndarray:
    """All ways to fill `size` places, (entries ** size, size)."""
    return np.array(list(product(entries, repeat=size)))


def numbered(worlds: int, count: int) -> np.ndarray:
    """Boxes (worlds, count, 4) of area 1 that carry their number and that of their world."""
    world, number = np.meshgrid(np.arange(worlds), np.arange(count), indexing="ij")
    return np.stack([number, world, number + 1, world + 1], axis=-1).astype(np.float32)


def given(monkeypatch: pytest.MonkeyPatch, overlaps: np.ndarray) -> None:
    """Both packages look overlaps up in a table (worlds, N, M); the world is that of the first box of a pair."""
    ours, theirs = tf.constant(overlaps, tf.float32), torch.tensor(overlaps, dtype=torch.float32)

    def look_up(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        number, world, other = (tf.cast(x, tf.int32) for x in (a[..., :, None, 0], a[..., :, None, 1], b[..., None, :, 0]))
        none = tf.zeros_like(number + other)
        return tf.gather_nd(ours, tf.stack([world + none, number + none, other + none], axis=-1))

    monkeypatch.setattr(boxes, "iou", look_up)

    def look_up_one_world(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        world = theirs[int(a[0, 1])]  # (N, M)
        return world[a[:, 0].long()][:, b[:, 0].long()]

    for module in (reference_torch.matcher, reference_torch.detect):
        monkeypatch.setattr(module, "iou", look_up_one_world)
    monkeypatch.setattr(reference_torch.matcher, "to_xyxy", lambda default_boxes: default_boxes)  # only their numbers are read


@pytest.mark.parametrize("strategy", ["bipartite", "argmax"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_matching(
    monkeypatch: pytest.MonkeyPatch, tell: Callable[[int], None], shape: tuple[int, int], strategy: str
) -> None:
    """Three levels of overlap, nothing, less than the threshold and the threshold itself, so that most tables have ties."""
    rows, columns = shape
    overlaps = tables((0, 0.4, THRESHOLD), rows * columns).reshape(-1, rows, columns)
    given(monkeypatch, overlaps)
    default_boxes = np.array([(column, 0, 0, 0) for column in range(columns)], np.float32)
    inputs = numbered(len(overlaps), rows), np.ones((len(overlaps), rows), np.int32), default_boxes
    options = {"strategy": strategy, "threshold": THRESHOLD}
    (actual,) = TensorFlow("xla").call("matcher.match", *inputs, **options)
    (expected,) = REFERENCE.call("matcher.match", *inputs, **options)
    np.testing.assert_array_equal(actual, expected)
    tell(len(overlaps))


@pytest.mark.parametrize("count", range(1, 6))
def test_every_suppression(monkeypatch: pytest.MonkeyPatch, tell: Callable[[int], None], count: int) -> None:
    """All graphs of who overlaps whom, with scores of two levels in every arrangement, and with scores that rise and fall."""
    above = np.triu_indices(count, 1)
    graphs = np.zeros((2 ** len(above[0]), count, count))
    graphs[:, *above] = tables((0, 1), len(above[0]))
    rising = np.linspace(0.1, 0.9, count)
    scores = np.concatenate([tables((0.5, 0.9), count), [rising, rising[::-1]]]).astype(np.float32)
    worlds = np.repeat(graphs + graphs.transpose(0, 2, 1), len(scores), axis=0)
    given(monkeypatch, worlds)
    all_boxes, all_scores = numbered(len(worlds), count), np.tile(scores, (len(graphs), 1))
    pairs = zip(torch.tensor(all_boxes), torch.tensor(all_scores), strict=True)
    with torch.inference_mode():
        expected = [reference_torch.detect.nms(*pair, iou_threshold=0.45).tolist() for pair in pairs]
    for at_once in (detect.AT_ONCE, 2):  # all together, and half by half
        monkeypatch.setattr(detect, "AT_ONCE", at_once)
        select = tf.function(detect.select, jit_compile=True, autograph=False)
        found = select(tf.constant(all_boxes), tf.constant(all_scores[:, None]))
        numbers = found.boxes.numpy()[..., 0].astype(int).tolist()
        assert [row[:kept] for row, kept in zip(numbers, found.count.numpy(), strict=True)] == expected
        tell(len(worlds))


@pytest.mark.parametrize("count", range(1, 7))
def test_every_mining(tell: Callable[[int], None], count: int) -> None:
    """Each box is a positive, which looks least like background of all, or background of one of three ranks (six: two), or NaN."""
    ranks = [0.0, 1.0, np.nan, 2.0][: 4 if count < 6 else 3]
    kinds = tables((9.0, *ranks), count)
    labels = (kinds == 9).astype(np.int32)
    logits = np.stack([np.zeros_like(kinds), kinds], axis=-1).astype(np.float32)
    numbers = [{"negative_ratio": 0, "min_negatives": number} for number in range(count + 1)]
    for options in [*numbers, *({"negative_ratio": ratio} for ratio in (1, 2, 3))]:
        (actual,) = EAGER.call("loss.hard_negative_mask", logits, labels, **options)
        (expected,) = REFERENCE.call("loss.hard_negative_mask", logits, labels, **options)
        np.testing.assert_array_equal(actual, expected)
        tell(len(kinds))
