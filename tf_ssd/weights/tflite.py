"""Models for LiteRT (.tflite): their constants as NumPy arrays, and the class names that travel with them."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from tensorflow.lite.tools import flatbuffer_utils

from tf_ssd.errors import WeightsError

Constants = Iterator[tuple[str, np.ndarray]]
MARK, MARK_AT = b"TFL3", 4  # every model has these bytes at this place
BACKGROUND = "???"  # what label maps call class 0


def read_model(path: Path) -> Any:
    """The model in a file as the objects of LiteRT's schema (`ModelT`); the file may hold other things before and after it.

    Raises:
        WeightsError: there is none.
    """
    content = path.read_bytes()
    return flatbuffer_utils.read_model_from_bytearray(bytearray(content[_start(content, path) :]))


def constants(model: Any) -> Constants:
    """Names and values of all constants but integers that stand for themselves, such as the shapes that Reshape takes.

    Quantized ones come as they are stored, in integers.
    """
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if data is not None and len(data) and (_is_floating(tensor) or _is_quantized(tensor)):
                array = np.frombuffer(bytes(data), flatbuffer_utils.type_to_name(tensor.type).lower())
                yield tensor.name.decode(), array.reshape(tensor.shape)


def label_map(path: Path) -> tuple[str, ...]:
    """The names of classes 1, 2, ...: text before the model in a bundle, else a text file in the ZIP archive that ends it; or ().

    Raises:
        WeightsError: the file holds no model.
    """
    content = path.read_bytes()
    try:
        text = content[: _start(content, path)] or _appended(content)
        names = [line.strip() for line in text.decode().splitlines()]
    except (UnicodeDecodeError, zipfile.BadZipFile):
        return ()
    return tuple(names[1:] if names[:1] == [BACKGROUND] else names)


def _start(content: bytes, path: Path) -> int:
    start = content.find(MARK) - MARK_AT
    if start < 0:
        raise WeightsError(f"{path}: holds no model for LiteRT, whose mark {MARK.decode()} is nowhere in it; is it the right file?")
    return start


def _appended(content: bytes) -> bytes:
    """The only text file of the archive at the end of a .tflite file with metadata, b"" if there is none."""
    if not zipfile.is_zipfile(BytesIO(content)):
        return b""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        texts = [name for name in archive.namelist() if name.endswith(".txt")]
        return archive.read(texts[0]) if len(texts) == 1 else b""


def _is_floating(tensor: Any) -> bool:
    return "FLOAT" in flatbuffer_utils.type_to_name(tensor.type)


def _is_quantized(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None
