"""What can be said about --impl before anything is imported."""

import sys

import pytest

from tf_ssd.audit.asking.modules import check_found
from tf_ssd.errors import AuditError

LOSSES = """
raise AssertionError("nobody may import this")

def multibox(offsets, logits, target_offsets, target_labels, *, alpha=1.0): ...
def focal(offsets, logits, gt_boxes, gt_labels, default_boxes): ...
def helper(x): ...
focal_too = focal
"""


@pytest.fixture
def losses(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "their/deep").mkdir(parents=True)
    for name, source in {
        "their_losses": LOSSES,
        "only_helpers": "def helper(x): ...",
        "star": "from their_losses import *",
        "unfinished": "def loss(:",
        "their/deep/inside": "def loss(): ...\nloss = print",
    }.items():
        (tmp_path / f"{name}.py").write_text(source)


@pytest.mark.parametrize(
    "name",
    [
        "their_losses:multibox",
        "their_losses:focal_too",
        "their.deep.inside:loss",
        "their.deep.inside",
        "star:multibox",
        "math:sqrt",
    ],
)
def test_what_is_there_or_may_be_there_is_let_through(losses, name):
    """A folder without __init__.py is a package too, at any depth."""
    check_found(name)
    assert not {"their_losses", "their", "star"} & set(sys.modules)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("their_loses:loss", "there is no module their_loses; is its folder"),
        ("their.deep.outside:loss", "there is no module their.deep.outside; is its folder"),
        ("their_losses:focl", "has no function focl; name it as their_losses:multibox or their_losses:focal"),
        (
            "their_losses",
            "has no function loss or match or encode or decode; name it as their_losses:multibox or their_losses:focal",
        ),
        ("only_helpers", "name it as only_helpers:function; its parameters say what it takes: loss: offsets, logits, gt_boxes"),
        ("their/deep/inside.py:loss", "name the module, not its file, as their.deep.inside:function"),
        ("./their_losses.py", "name the module, not its file, as their_losses:function"),
        ("their_losses:helper", "takes x; name its parameters as one of: loss: offsets, logits, gt_boxes"),
        ("unfinished:loss", "unfinished cannot be imported (SyntaxError"),
        (":loss", "name a module, as package.module:function"),
    ],
)
def test_what_is_missing_is_named_with_what_fits(losses, name, message):
    with pytest.raises(AuditError, match="--impl") as raised:
        check_found(name)
    assert message in str(raised.value)


def test_the_examples_are_found():
    check_found("examples.audit.amdegroot_style:loss")
