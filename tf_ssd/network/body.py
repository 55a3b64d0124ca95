"""Which layers of a network are its body."""

import keras

from tf_ssd.config import ModelConfig


def body_layers(model: keras.Model, config: ModelConfig) -> tuple[str, ...]:
    """The names of the layers with weights that are neither extra layers nor heads, nor the L2 normalisation of a feature map."""
    extras = tuple(f"{extra.name}_" for extra in config.architecture.extras)
    others = (*extras, "offsets_", "logits_", f"{config.architecture.taps[0]}_norm")
    return tuple(layer.name for layer in model.layers if layer.weights and not layer.name.startswith(others))
