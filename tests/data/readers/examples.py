"""Examples in the form of the Object Detection API, written by TensorFlow."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import tensorflow as tf
from PIL import Image

BOX = (0.25, 0.5, 0.75, 1.0)


def png(size=(200, 100)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    return file.getvalue()


def feature(values: Sequence) -> tf.train.Feature:
    """Texts, fractions or whole numbers; without values, a list of fractions."""
    if values and isinstance(values[0], str | bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() if isinstance(v, str) else v for v in values]))
    if values and isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def example(*boxes: tuple[float, ...], **changed: Sequence | None) -> bytes:
    """An image of 200 x 100 px with boxes of dogs; `changed` has other values by the ends of names, None leaves a feature out."""
    values = {
        "image/encoded": [png()],
        "image/filename": ["a.png"],
        "image/width": [200],
        "image/height": [100],
        **{
            f"image/object/bbox/{name}": [box[column] for box in boxes]
            for column, name in enumerate(("xmin", "ymin", "xmax", "ymax"))
        },
        "image/object/class/text": ["dog"] * len(boxes),
        "image/object/class/label": [2] * len(boxes),
    }
    for end, other in changed.items():
        name = next((name for name in values if name.endswith(f"/{end}")), f"image/object/{end}")
        values[name] = other
    features = {name: feature(other) for name, other in values.items() if other is not None}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path: Path, *records: bytes) -> Path:
    """A TFRecord file, in gzip if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP" if path.suffix == ".gz" else "") as writer:
        for record in records:
            writer.write(record)
    return path


LABEL_MAP = "item { id: 1 name: 'cat' }\nitem { id: 2 name: 'dog' }\n"
