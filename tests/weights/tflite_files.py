"""Files for LiteRT made of arrays."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils


def tflite_bytes(tensors, taken=(1, 300, 300, 3)):
    """A model that holds pairs of name and array as constants, takes one tensor of a shape, and does nothing."""
    graph, buffers = schema.SubGraphT(), [schema.BufferT()]  # the first buffer is always empty
    graph.tensors = [described("image", np.broadcast_to(np.float32(0), taken), 0)]
    graph.inputs, graph.outputs, graph.operators = [0], [], []
    for name, array in tensors:
        graph.tensors.append(described(name, array, len(buffers)))
        buffers.append(schema.BufferT())
        buffers[-1].data = np.frombuffer(array.tobytes(), np.uint8)
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], buffers, []
    return flatbuffer_utils.convert_object_to_bytearray(model)


def described(name, array, buffer):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(array.shape), buffer
    tensor.type = getattr(schema.TensorType, array.dtype.name.upper())
    if array.dtype == np.int8:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [0.5]
    return tensor


def stored(arrays):
    """A detector's constants under the names that MediaPipe's converter gave them, which tell of the operations that it joined."""
    for name, array in arrays.items():
        scope, _, part = name.rpartition("/")
        folded = f"{scope}/BatchNorm/FusedBatchNormV3"
        if scope.startswith("BoxPredictor") and part == "bias":
            yield f"{scope}/BiasAdd;BoxPredictor_5/ClassPredictor/Conv2D;{scope}/biases", array
        elif scope.endswith("/depthwise") and part == "kernel":
            yield f"{folded};{scope}/depthwise;another/project/Conv2D", array
        else:
            yield f"{scope}/Conv2D" if part == "kernel" else folded, array
