import keras
import pytest

from tf_ssd.config import NETWORKS, ModelConfig
from tf_ssd.network.heads import heads


def test_each_feature_map_needs_its_default_boxes():
    with pytest.raises(ValueError, match="longer"):
        heads([], NETWORKS["ssd300_vgg16"])


def test_layers_have_the_same_names_each_time():
    """Those that Keras names are numbered in the order in which a process makes them."""
    config = ModelConfig(width=0.0625)
    sources = [keras.Input((cells, cells, 8)) for cells in config.boxes.feature_maps]
    first, again = (keras.Model(sources, heads(sources, config)) for _ in range(2))
    made = [[layer.name for layer in model.layers] for model in (first, again)]
    assert made[0] == made[1]
