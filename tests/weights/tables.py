"""Files as tables describe them."""

import functools

import keras
import numpy as np

from tf_ssd.model import ssd
from tf_ssd.weights.tables.keras_applications import VGG16

CLASSES = 4
NAMES = ("named, without top", "numbered, without top", "named, with top", "numbered, with top")
KERAS = dict(zip(NAMES, VGG16, strict=True))


@functools.cache
def shapes_of(config):
    """Of all variables of a network, "layer.variable"; the variables are not made."""
    with keras.StatelessScope(initialize_variables=False):
        model = ssd(config, num_classes=CLASSES)
    return {f"{layer.name}.{variable.name}": tuple(variable.shape) for layer in model.layers for variable in layer.weights}


def filled(table, shapes):
    """Each tensor is filled with one number, which takes no memory, and no two with the same."""
    sizes = {
        name: target.conversion.published_shape(shapes[target.variable]) if target else (9,)
        for name, target in table.targets.items()
    }
    return {name: np.broadcast_to(np.float32(number), shape) for number, (name, shape) in enumerate(sizes.items(), start=1)}
