"""The last layer of a head, which knows what network it belongs to."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="tf_ssd")
class Output(keras.layers.Concatenate):
    """The default boxes of all feature maps, one after another: several (B, K_i, N) to (B, K, N).

    It carries the configuration of the network, which `keras.models.clone_model`, which takes layers alone, would lose.

    Args:
        network: a `ModelConfig` as plain values.
    """

    def __init__(self, network: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**{"axis": 1, **kwargs})
        self.network = network

    def get_config(self) -> dict[str, Any]:
        """Arguments that make this layer again."""
        return {**super().get_config(), "network": self.network}
