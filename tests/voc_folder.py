"""Generated pictures in the layout of VOC."""

from pathlib import Path

from PIL import Image

from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import SyntheticDataset


def write_voc(root: Path, *, suffix: str) -> None:
    """Eight of them, in image files with that suffix: five to train on, three held out."""
    dataset = SyntheticDataset(8, seed=1)
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for index in range(8):
        record = dataset[index]
        Image.fromarray(read_image(record)).save(root / f"JPEGImages/{index}{suffix}")
        objects = "".join(
            f"<object><name>{dataset.class_names[label - 1]}</name><bndbox><xmin>{box[0] + 1}</xmin><ymin>{box[1] + 1}</ymin>"
            f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
            for box, label in zip(record.boxes_px, record.labels, strict=True)
        )
        size = "<size><width>300</width><height>300</height></size>"
        (root / f"Annotations/{index}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    (root / "ImageSets/Main/train.txt").write_text("0\n1\n2\n3\n4\n")
    (root / "ImageSets/Main/val.txt").write_text("5\n6\n7\n")
