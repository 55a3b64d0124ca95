"""Fuzz the CSV file of annotations, for five minutes.

pip install atheris
TMPDIR=/dev/shm python -m fuzz.csv -max_total_time=300 -dict=fuzz/words.dict "$(mktemp -d)" fuzz/examples/csv
"""

import atheris

with atheris.instrument_imports(include=["tf_ssd", "xml", "defusedxml"]):
    from tf_ssd.data.readers.csv import CsvDataset

from fuzz.target import CLASS_NAMES, dataset_folder, fuzz

if __name__ == "__main__":
    with dataset_folder() as root:
        fuzz(root / "labels.csv", lambda: CsvDataset(root / "labels.csv", root / "JPEGImages", class_names=CLASS_NAMES))
