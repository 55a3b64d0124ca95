import tensorflow as tf

from tf_ssd.train.trainer import scale
from tf_ssd.train.trainer.scale import LossScale


def history(loss_scale, steps):
    """The scale after each step, as an exponent of 2; - is an overflow."""
    for step in steps:
        loss_scale.update(overflow=step == "-")
        yield loss_scale.value.hex().rpartition("p")[2]


def test_an_overflow_halves_and_enough_steps_without_one_double(monkeypatch):
    monkeypatch.setattr(scale, "PATIENCE", 3)
    assert " ".join(history(LossScale(), "++-++-+++++++")) == "+15 +15 +14 +14 +14 +13 +13 +13 +14 +14 +14 +15 +15"


def test_it_waits_for_2000_steps():
    *_, before, after = history(LossScale(), "+" * 2000)
    assert (before, after) == ("+15", "+16")


def test_it_cannot_fall_below_1():
    loss_scale = LossScale()
    assert loss_scale.can_fall
    *_, last = history(loss_scale, "-" * 15)
    assert (last, loss_scale.can_fall) == ("+0", False)
    assert [*history(loss_scale, "-")] == ["+0"]


def test_a_checkpoint_holds_the_scale_and_its_age(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "PATIENCE", 3)
    first, again = LossScale(), LossScale()
    assert [*history(first, "-++")] == ["+14"] * 3
    path = tf.train.Checkpoint(scale=first).save(tmp_path / "checkpoint")
    tf.train.Checkpoint(scale=again).restore(path).assert_consumed().assert_existing_objects_matched()
    assert [*history(again, "+")] == ["+15"]
