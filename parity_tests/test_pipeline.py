"""Match, encode, loss, gradient and detect as one: both sides agree, and nothing depends on what must not matter."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tf_ssd.config
from parity_tests import strategies
from parity_tests.adapters import GRAPH, REFERENCE, XLA, Implementation
from parity_tests.parametrize import _name, third
from parity_tests.test_detect import check_detect
from parity_tests.test_loss import Problem, check_loss
from parity_tests.test_matcher import check_targets
from tf_ssd.default_boxes import default_boxes

IMAGES, ROWS, CLASSES = 3, 5, 4
COMPILED = pytest.mark.parametrize("side", [GRAPH, XLA], ids=_name)
WITNESSES = pytest.mark.parametrize("side", [GRAPH, XLA, REFERENCE], ids=_name)


class Scene(NamedTuple):
    """Ground truth (B, G, 4) and (B, G), default boxes (K, 4), predicted offsets (B, K, 4) and logits (B, K, C)."""

    boxes: np.ndarray
    labels: np.ndarray
    defaults: np.ndarray
    offsets: np.ndarray
    logits: np.ndarray

    def images(self, chosen: Any) -> "Scene":
        """Some of the images, in another order if need be."""
        return self._replace(**{name: getattr(self, name)[chosen] for name in ("boxes", "labels", "offsets", "logits")})


class Outcome(NamedTuple):
    """Everything that a training step and a detector compute for a scene."""

    target_offsets: np.ndarray
    target_labels: np.ndarray
    total: np.ndarray
    positives: np.ndarray
    offsets_gradient: np.ndarray
    logits_gradient: np.ndarray
    boxes: np.ndarray
    found: np.ndarray
    scores: np.ndarray
    count: np.ndarray


@st.composite
def scenes(draw: Any) -> Scene:
    """Any ground truth of the matcher's tests, on default boxes where ties abound; predictions without ties."""
    truth = draw(strategies.ground_truths(images=IMAGES, rows=ROWS, classes=CLASSES))
    config = tf_ssd.config.caffe_boxes(**draw(strategies.grid_configs(maps=(4, 2, 1))))
    defaults = default_boxes(config, dtype="float64").numpy()
    rng = np.random.default_rng(draw(strategies.seeds))
    offsets = rng.normal(size=(IMAGES, len(defaults), 4))
    return Scene(*truth, defaults, offsets, 3 * rng.normal(size=(IMAGES, len(defaults), CLASSES)))


def outcome(side: Implementation, scene: Scene) -> Outcome:
    """Run it all."""
    targets = side.call("matcher.targets", scene.boxes, scene.labels, scene.defaults)
    problem = (scene.offsets, scene.logits, targets[0], targets[1].astype(np.int32))
    (total, _, _, positives), gradients = side.value_and_gradients("loss.multibox_loss", *problem, wrt=(0, 1))
    return Outcome(*targets, total, positives, *gradients, *side.call("detect.detect", *problem[:2], scene.defaults))


def assert_same(actual: Outcome, expected: Outcome) -> None:
    """Equal up to the order of summation."""
    for name, ours, theirs in zip(Outcome._fields, actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12, err_msg=name)


@COMPILED
@third
@given(scene=scenes())
def test_both_sides_agree(side: Implementation, scene: Scene) -> None:
    """Each step gets what the step before it made, on its own side."""
    truth = strategies.GroundTruth(scene.boxes, scene.labels)
    check_targets(side, truth, scene.defaults)
    targets = side.call("matcher.targets", scene.boxes, scene.labels, scene.defaults)
    check_loss(side, Problem(scene.offsets, scene.logits, *targets))
    check_detect(side, scene.offsets, scene.logits, scene.defaults)
    assert_same(outcome(side, scene), outcome(REFERENCE, scene))


@WITNESSES
@third
@given(scene=scenes(), order=st.permutations(range(IMAGES)))
def test_the_order_of_images_does_not_matter(side: Implementation, scene: Scene, order: list[int]) -> None:
    expected = outcome(side, scene)
    permuted = {
        name: value[order] if value.ndim else value
        for name, value in expected._asdict().items()  # the loss and the number of positives are those of the whole batch
    }
    assert_same(outcome(side, scene.images(order)), Outcome(**permuted))


@WITNESSES
@third
@given(scene=scenes(), garbage=st.sampled_from([0.0, 0.5, np.nan]))
def test_padding_rows_do_not_matter(side: Implementation, scene: Scene, garbage: float) -> None:
    """Not in the least: the results are equal to the bit."""
    boxes = np.concatenate([scene.boxes, np.full((IMAGES, 3, 4), garbage)], axis=1)
    labels = np.concatenate([scene.labels, np.zeros((IMAGES, 3), np.int32)], axis=1)
    padded = outcome(side, scene._replace(boxes=boxes, labels=labels))
    for ours, theirs in zip(padded, outcome(side, scene), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@WITNESSES
@third
@given(scene=scenes())
def test_a_batch_is_the_sum_of_its_parts(side: Implementation, scene: Scene) -> None:
    """Split anywhere: each part's loss and gradient times its N, added up, over the N of all."""
    whole, parts = outcome(side, scene), [outcome(side, scene.images(slice(i, i + 1))) for i in range(IMAGES)]
    n = [max(1, int(part.positives)) for part in parts]
    together = max(1, sum(int(part.positives) for part in parts))
    assert whole.positives == sum(part.positives for part in parts)
    np.testing.assert_allclose(whole.total, sum(part.total * m for part, m in zip(parts, n, strict=True)) / together, rtol=1e-12)
    for name in ("offsets_gradient", "logits_gradient"):
        pieces = [getattr(part, name) * m / together for part, m in zip(parts, n, strict=True)]
        np.testing.assert_allclose(getattr(whole, name), np.concatenate(pieces), rtol=1e-12, atol=1e-14)
    for name in ("target_offsets", "boxes", "found", "scores", "count"):
        # Not to the bit under XLA, which compiles one image otherwise than three.
        pieces = [getattr(part, name) for part in parts]
        np.testing.assert_allclose(getattr(whole, name), np.concatenate(pieces), rtol=1e-14, atol=1e-15)


@WITNESSES
@third
@given(scene=scenes())
def test_a_mirrored_scene_has_a_mirrored_outcome(side: Implementation, scene: Scene) -> None:
    """Flip ground truth, default boxes and predictions: the same matches and loss, the same detections on the other side."""
    mirror = np.array([-1.0, 1, 1, 1])  # of an offset: the centre moves the other way
    (boxes,) = REFERENCE.call("boxes.flip_horizontal", scene.boxes)
    defaults = scene.defaults * mirror + [1, 0, 0, 0]
    mirrored = outcome(side, scene._replace(boxes=boxes, defaults=defaults, offsets=scene.offsets * mirror))
    expected = outcome(side, scene)
    found = expected.scores[..., None] > 0
    (flipped,) = REFERENCE.call("boxes.flip_horizontal", expected.boxes)
    assert_same(
        mirrored,
        expected._replace(
            target_offsets=expected.target_offsets * mirror,
            offsets_gradient=expected.offsets_gradient * mirror,
            boxes=np.where(found, flipped, 0),
        ),
    )


@WITNESSES
@third
@given(seed=strategies.seeds, order=st.permutations(range(ROWS)), scene=scenes())
def test_the_order_of_ground_truth_does_not_matter_without_ties(
    side: Implementation, seed: int, order: list[int], scene: Scene
) -> None:
    """Arbitrary boxes overlap nothing equally. Where they do, the lowest row wins: see test_matcher."""
    scene = scene._replace(boxes=strategies.random_boxes(seed, IMAGES, ROWS, smallest=0.05))
    permuted = scene._replace(boxes=scene.boxes[:, order], labels=scene.labels[:, order])
    assert_same(outcome(side, permuted), outcome(side, scene))
