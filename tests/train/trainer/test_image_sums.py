from dataclasses import replace

import tensorflow as tf

from tf_ssd.config import LossConfig, ModelConfig
from tf_ssd.model import ssd300
from tf_ssd.train.trainer.image_sums import image_sums

CONFIG = ModelConfig(num_classes=3, width=0.0625)


def test_models_of_one_configuration_share_what_is_compiled_and_others_do_not():
    compiled = image_sums(ssd300(CONFIG))
    assert image_sums(ssd300(CONFIG)) is compiled
    assert image_sums(ssd300(replace(CONFIG, loss=LossConfig(negative_ratio=2)))) is not compiled
    assert image_sums(ssd300(replace(CONFIG, variances=(0.2, 0.3)))) is not compiled


def test_a_model_with_sums_of_its_own_gets_those(monkeypatch):
    """As a subclass has, or a test that puts a mutant in their place."""
    compiled = image_sums(model := ssd300(CONFIG))
    monkeypatch.setattr(type(model), "multibox_sums", lambda *_: tf.constant(17))
    assert image_sums(model) is not compiled
    assert int(image_sums(model)(*[tf.zeros([])] * 3)) == 17
