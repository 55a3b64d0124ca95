import pytest

from tf_ssd.audit.asking.signature import read_signature
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.errors import AuditError


def whole(offsets, logits, gt_boxes, gt_labels, default_boxes, *, min_negatives=0, verbose=False): ...
def anything(offsets, logits, gt_boxes, gt_labels, default_boxes, **settings): ...
def on_targets(offsets, logits, target_offsets, target_labels): ...
def match(gt_boxes, gt_labels, default_boxes): ...
def encode(boxes, default_boxes): ...
def decode(offsets, default_boxes, variances=(0.1, 0.2)): ...
def keras_like(y_true, y_pred): ...


@pytest.mark.parametrize(
    ("function", "role"),
    [(whole, "loss"), (on_targets, "loss on targets"), (match, "match"), (encode, "encode"), (decode, "decode")],
)
def test_the_parameters_tell_the_role(function, role):
    assert read_signature(function, "a:b").role == role


def test_settings_are_those_it_names_or_all():
    assert read_signature(whole, "a:b").settings == {"min_negatives"}
    assert read_signature(anything, "a:b").settings >= {"alpha", "normalizer", "negative_ratio", "replicas"}


class Module:
    """Called through something general, as PyTorch's modules are."""

    def __call__(self, *inputs, **named):
        return self.forward(*inputs, **named)

    def forward(self, offsets, logits, target_offsets, target_labels): ...


def test_an_object_is_asked_by_what_its_author_wrote():
    module = Module()
    signature = read_signature(module, "a:b")
    assert (signature.function, signature.role, signature.settings) == (module, "loss on targets", frozenset())


def test_other_parameters_are_the_users_error():
    with pytest.raises(AuditError, match="--impl a:b: takes y_true, y_pred; name its parameters as one of"):
        read_signature(keras_like, "a:b")


@pytest.mark.parametrize(
    ("function", "case", "reason"),
    [
        (whole, "min-negatives-alone", None),
        (whole, "alpha", "has no setting alpha"),
        (whole, "two-replicas", "has no setting replicas"),
        (anything, "two-replicas", None),
        (whole, "encode-tiny", "computes no encode"),
        (on_targets, "one-object", "is given its targets"),
        (on_targets, "three-hardest-negatives", None),
        (match, "one-object", None),
        (match, "three-hardest-negatives", "matches only"),
        (encode, "encode-tiny", None),
        (encode, "one-object", "computes no loss"),
        (decode, "encode-tiny", "computes no encode"),
    ],
)
def test_what_can_be_asked(function, case, reason):
    assert read_signature(function, "a:b").refuses(BY_NAME[case]) == reason
