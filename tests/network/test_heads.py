import pytest

from tf_ssd.config import NETWORKS
from tf_ssd.network.heads import heads


def test_each_feature_map_needs_its_default_boxes():
    with pytest.raises(ValueError, match="longer"):
        heads([], NETWORKS["ssd300_vgg16"])
