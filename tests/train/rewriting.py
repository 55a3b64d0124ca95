"""What TensorFlow runs in place of the graph that it was given."""

from collections.abc import Callable

import tensorflow as tf
from tensorflow.python.eager import context


def after_rewriting(function: Callable[..., object], *arguments: tf.Tensor) -> dict[str, tf.compat.v1.NodeDef]:
    """Nodes by name, from the first call of a `tf.function`."""
    eager = context.context()
    eager.enable_graph_collection()
    try:
        function(*arguments)
        graph = eager.export_run_metadata().function_graphs[-1].post_optimization_graph
    finally:
        eager.disable_graph_collection()
    return {node.name: node for node in graph.node}
