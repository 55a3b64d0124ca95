"""Fuzz the labels of a YOLO dataset, for five minutes.

pip install atheris
TMPDIR=/dev/shm python -m fuzz.yolo -max_total_time=300 -dict=fuzz/words.dict "$(mktemp -d)" fuzz/examples/yolo
"""

import atheris

with atheris.instrument_imports(include=["tf_ssd", "xml", "defusedxml"]):
    from tf_ssd.data.readers.yolo import YoloDataset

from fuzz.target import dataset_folder, fuzz

if __name__ == "__main__":
    with dataset_folder() as root:
        (root / "data.yaml").write_text("names: [cat, dog]\ntrain: JPEGImages\n")
        fuzz(root / "JPEGImages/a.txt", lambda: YoloDataset(root, "train"))
