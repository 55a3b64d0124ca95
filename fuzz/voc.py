"""Fuzz the XML annotations of a VOC dataset, for five minutes.

pip install atheris
TMPDIR=/dev/shm python -m fuzz.voc -max_total_time=300 -dict=fuzz/words.dict "$(mktemp -d)" fuzz/examples/voc
"""

import atheris

with atheris.instrument_imports(include=["tf_ssd", "xml", "defusedxml"]):
    from tf_ssd.data.readers.voc import VocDataset

from fuzz.target import CLASS_NAMES, dataset_folder, fuzz

if __name__ == "__main__":
    with dataset_folder() as root:
        fuzz(root / "Annotations/a.xml", lambda: VocDataset(root, "train", class_names=CLASS_NAMES))
