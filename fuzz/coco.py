"""Fuzz the JSON file of a COCO dataset, for five minutes.

pip install atheris
TMPDIR=/dev/shm python -m fuzz.coco -max_total_time=300 -dict=fuzz/words.dict "$(mktemp -d)" fuzz/examples/coco
"""

import atheris

with atheris.instrument_imports(include=["tf_ssd", "xml", "defusedxml"]):
    from tf_ssd.data.readers.coco import CocoDataset

from fuzz.target import CLASS_NAMES, dataset_folder, fuzz

if __name__ == "__main__":
    with dataset_folder() as root:
        fuzz(root / "coco.json", lambda: CocoDataset(root / "coco.json", root / "JPEGImages", class_names=CLASS_NAMES))
