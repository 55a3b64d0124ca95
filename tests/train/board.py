"""What TensorBoard would show."""

import tensorflow as tf


def read_board(folder):
    """(step, name): value of every scalar, and the names of the pictures."""
    scalars, pictures = {}, []
    for path in folder.iterdir():
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "images":
                    pictures.append((event.step, value.tag))
                else:
                    scalars[event.step, value.tag] = float(tf.make_ndarray(value.tensor))
    return scalars, pictures
