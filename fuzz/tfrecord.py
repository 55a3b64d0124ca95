"""Fuzz the Examples of a TFRecord dataset, for five minutes.

pip install atheris
TMPDIR=/dev/shm python -m fuzz.tfrecord -max_total_time=300 -dict=fuzz/words.dict "$(mktemp -d)" fuzz/examples/tfrecord
"""

import atheris

with atheris.instrument_imports(include=["tf_ssd"]):
    from tf_ssd.data.readers.tfrecord import TfrecordDataset
    from tf_ssd.data.readers.tfrecord_index import masked_checksum
    from tf_ssd.data.records import Dataset

from fuzz.target import CLASS_NAMES, dataset_folder, fuzz


def framed(record: bytes) -> bytes:
    """A record as it stands in a file; with wrong checksums it would not be looked at."""
    length = len(record).to_bytes(8, "little")
    return length + masked_checksum(length).to_bytes(4, "little") + record + masked_checksum(record).to_bytes(4, "little")


if __name__ == "__main__":
    with dataset_folder() as root:

        def read() -> Dataset:
            """Frame what was written, and read it."""
            (root / "train.record").write_bytes(framed((root / "example").read_bytes()))
            return TfrecordDataset(root, "train", class_names=CLASS_NAMES)

        fuzz(root / "example", read)
