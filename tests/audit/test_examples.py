"""Losses of many shapes, each asked through its adapter, and the errors that the audit finds in them by name."""

from pathlib import Path

import pytest

from tf_ssd.audit.asking.implementation import load
from tf_ssd.audit.cases.case import CoderCase
from tf_ssd.audit.cases.catalogue import BY_NAME, CASES, CATALOGUES
from tf_ssd.audit.cases.catalogue.area import CASES as AREA
from tf_ssd.audit.cases.catalogue.ties import OTHER_TIE
from tf_ssd.audit.judge import BROKEN, judge

NAIVE = "tf_ssd.audit.examples.naive_loss:loss"
ALL_WITHOUT_AREA = {case.about.name for case in AREA}  # which half of all ports get wrong


def judged(name, framework, cases=BY_NAME, dtype="float32"):
    """Verdict and words for every case, without a process."""
    implementation = load(name, framework=framework, dtype=dtype)
    return {name: judge(case, implementation.answer(case), dtype=dtype) for name, case in cases.items()}


def broken(judgements):
    return {name for name, judgement in judgements.items() if judgement.verdict in BROKEN}


def test_the_naive_loss_and_each_of_its_bugs_by_name():
    judgements = judged(NAIVE, "tensorflow")
    assert "a box is invented" in judgements["no-labels-alone"].what
    assert "a box is invented" in judgements["no-labels-beside-labelled"].what
    assert "a clamp of the softmax" in judgements["wrong-by-40"].what
    assert "a clamp of the softmax" in judgements["saturated-negative"].what
    assert "the loss grows with the batch" in judgements["equal-images"].what
    assert judgements["mining-image-by-image"].what.startswith(
        "mining is pooled over the batch; each image is divided by its own N"
    )
    assert judgements["two-objects-share-a-best-box"].verdict == "ok"


def test_a_loss_in_the_manner_of_amdegroot():
    judgements = judged("examples.audit.amdegroot_style:loss", "torch")
    assert judgements["no-labels-alone"].verdict == "error"
    assert judgements["two-objects-share-a-best-box"].verdict == "difference"
    assert "x0.744" in judgements["another-images-logits"].what
    assert judgements["zero-width-alone"].what == "the loss is inf instead of 0"


def test_a_keras_loss_in_the_manner_of_tutorials():
    judgements = judged("examples.audit.keras_tutorial_style:loss", "tensorflow")
    assert "mining is pooled over the batch" in judgements["mining-image-by-image"].what
    assert "a clamp of the softmax" in judgements["wrong-by-40"].what
    assert judgements["no-labels-alone"].verdict == judgements["three-hardest-negatives"].verdict == "ok"


def test_a_loss_of_dictionaries_in_pixels():
    judgements = judged("examples.audit.dictionaries_style:loss", "torch")
    assert "per-image N" in judgements["few-and-many-positives"].what
    assert judgements["mining-by-cross-entropy"].what == judgements["ties-at-the-cut"].what == OTHER_TIE.what
    assert judgements["padding-with-coordinates"].verdict == judgements["one-object"].verdict == "ok"
    assert broken(judgements) - ALL_WITHOUT_AREA == {"nan-in-an-image-without-labels", "float16-overflow"}


def test_a_loss_of_decoded_boxes():
    """Decoding and encoding cancel, but for what a float32 of pixels cannot hold."""
    judgements = judged("examples.audit.decoded_boxes_style:loss", "torch")
    found = {"nan-in-an-image-without-labels", "float16-overflow", "huge-offsets-of-a-positive"}
    assert broken(judgements) - ALL_WITHOUT_AREA == found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_criterion_with_buffers(dtype):
    judgements = judged("examples.audit.criterion_style:loss", "torch", dtype=dtype)
    found = {"nan-in-an-image-without-labels", "float16-overflow"}
    assert broken(judgements) - ALL_WITHOUT_AREA == found
    assert "last object wins" in judgements["duplicate-objects"].what


def test_jax_functions_are_right_and_differentiated():
    """Those cases alone whose shape is compiled once. float64 comes last, as JAX keeps it."""
    coders = {name: case for name, case in BY_NAME.items() if isinstance(case, CoderCase)}
    cases = {name: case for name, case in BY_NAME.items() if name not in coders and len(case.images) == 1}
    cases = {name: case for name, case in cases.items() if not (case.settings or case.half)}
    verdicts = [judgement.verdict for judgement in judged("examples.audit.jax_loss", "jax", cases | coders).values()]
    assert set(verdicts) == {"ok", "n/a"}
    assert verdicts.count("ok") > 30
    assert {judgement.verdict for judgement in judged("examples.audit.jax_loss", "jax", coders, "float64").values()} == {"ok"}


def test_every_example_has_a_test():
    tests = Path(__file__).read_text()
    assert [path.stem for path in Path("examples/audit").glob("*.py") if f"examples.audit.{path.stem}" not in tests] == []


def test_a_detector_in_the_manner_of_torchvision():
    judgements = judged("examples.audit.torchvision_style:loss", "torch")
    assert "count twice" in judgements["all-positive"].what
    assert judgements["padding-with-coordinates"].verdict == "ok"
    assert "refuses the input: AssertionError" in judgements["zero-width-alone"].what


def test_a_keras_loss_is_asked_what_its_targets_allow():
    judgements = judged("tf_ssd.audit.examples.keras_loss:loss", "tensorflow")
    assert {judgements[case.about.name].verdict for case in CASES if getattr(case, "stage", "") == "matching"} == {"n/a"}
    assert judgements["few-and-many-positives"].verdict == judgements["wrong-by-1000"].verdict == "ok"
    assert judgements["label-beyond-the-classes"].what.startswith("silent")


SIGMOIDS = """
import tensorflow as tf
from tf_ssd import loss as multibox

def entropies(logits, labels, scores):
    own = tf.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return {reduction}

def loss(offsets, logits, target_offsets, target_labels):
    before, multibox.cross_entropy = multibox.cross_entropy, entropies
    try:
        return multibox.multibox_loss(offsets, logits, target_offsets, target_labels)[:3]
    finally:
        multibox.cross_entropy = before
"""
BINARY = "tf.nn.sigmoid_cross_entropy_with_logits(own, logits)"
WRONG_SIGMOIDS = {
    "mean": (f"tf.reduce_mean({BINARY}, axis=-1)", "the mean over the slots instead of their sum", "fault"),
    "classes": (f"tf.reduce_sum({BINARY}[..., 1:], axis=-1)", "slot 0 is not trained", "difference"),
    "softmax": ("tf.nn.softmax_cross_entropy_with_logits(own, logits)", "the cross entropy of a softmax", "fault"),
    "clamped": (
        "logits.shape[-1] * tf.keras.losses.binary_crossentropy(own, tf.sigmoid(logits))",
        "a clamp of the scores",
        "fault",
    ),
}


@pytest.mark.parametrize("name", WRONG_SIGMOIDS)
def test_sigmoids_that_are_wrong_and_each_bug_by_name(tmp_path, monkeypatch, name):
    """A loss that names no scores has the kind that it is audited for."""
    reduction, what, verdict = WRONG_SIGMOIDS[name]
    (tmp_path / f"sigmoids_{name}.py").write_text(SIGMOIDS.replace("{reduction}", reduction))
    monkeypatch.syspath_prepend(tmp_path)
    asked = ("no-labels-alone", "slots-by-themselves", "slot-0-is-trained", "wrong-by-40")
    judgements = judged(f"sigmoids_{name}:loss", "tensorflow", {name: CATALOGUES["sigmoid"][name] for name in asked})
    assert [judgement.verdict for judgement in judgements.values() if what in judgement.what] == [verdict]
    assert judgements["no-labels-alone"].verdict == "ok"
