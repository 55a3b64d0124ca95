"""The same images and boxes in every layout that is read, and a digest of the batches that come of them.

python -m tests.data.every_layout FOLDER NEW_FOLDER [SPLIT]    writes a VOC dataset in every layout, and prints the digests
"""

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from tf_ssd.config import AUGMENTATIONS, DatasetKind
from tf_ssd.data.batches.generator import TrainingBatches, evaluation_batches
from tf_ssd.data.images.decode import read_encoded, read_header
from tf_ssd.data.readers.voc import VocDataset
from tf_ssd.data.recognise import recognise
from tf_ssd.data.records import Dataset
from tf_ssd.data.sources import open_dataset

TAGS = ("xmin", "ymin", "xmax", "ymax")


class Picture(NamedTuple):
    """An image file's name and bytes, its size, and its boxes: class and corners in pixels, from 0."""

    name: str
    encoded: bytes
    size: tuple[int, int]
    boxes: list[tuple[str, list[float]]]

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def fractions(self) -> list[list[float]]:
        return [[corner / side for corner, side in zip(corners, self.size * 2, strict=True)] for _, corners in self.boxes]


def pictures_of(dataset: Dataset) -> list[Picture]:
    """The content of a dataset, sorted by name."""
    found = []
    for record in map(dataset.__getitem__, range(len(dataset))):
        encoded = read_encoded(record)
        names = [dataset.class_names[label - 1] for label in record.labels]
        size = read_header(encoded, record.id).size
        found.append(Picture(Path(str(record.image)).name, encoded, size, list(zip(names, record.boxes_px.tolist(), strict=True))))
    return sorted(found)


def class_names(pictures: Sequence[Picture]) -> list[str]:
    return sorted({name for picture in pictures for name, _ in picture.boxes})


def voc(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    for picture in pictures:
        _save(root / "JPEGImages" / picture.name, picture.encoded)
        objects = "".join(f"<object><name>{name}</name>{_bndbox(corners)}</object>" for name, corners in picture.boxes)
        size = "<size><width>{}</width><height>{}</height></size>".format(*picture.size)
        _save(root / f"Annotations/{picture.stem}.xml", f"<annotation>{size}{objects}</annotation>")
    _save(root / f"ImageSets/Main/{split}.txt", "\n".join(picture.stem for picture in pictures))


def _bndbox(corners: Sequence[float]) -> str:
    """Counted from 1, so that a box reaches from min - 1 to max."""
    written = (f"<{tag}>{corner + (tag[1:] == 'min')!r}</{tag}>" for tag, corner in zip(TAGS, corners, strict=True))
    return f"<bndbox>{''.join(written)}</bndbox>"


def coco(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    names = class_names(pictures)
    content: dict[str, list] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 3 * i, "name": n} for i, n in enumerate(names)],
    }
    for number, picture in enumerate(pictures):
        _save(root / split / picture.name, picture.encoded)
        width, height = picture.size
        content["images"].append({"id": number, "file_name": picture.name, "width": width, "height": height})
        for name, (xmin, ymin, xmax, ymax) in picture.boxes:
            row = {"image_id": number, "category_id": 3 * names.index(name), "bbox": [xmin, ymin, xmax - xmin, ymax - ymin]}
            content["annotations"].append({"id": len(content["annotations"]), **row})
    _save(root / f"annotations/instances_{split}.json", json.dumps(content))


def csv(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    """As TensorFlow's tutorials write it."""
    rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    for picture in pictures:
        _save(root / "images" / picture.name, picture.encoded)
        start = f"{picture.name},{picture.size[0]},{picture.size[1]}"
        rows += [f"{start},{name},{','.join(map(repr, corners))}" for name, corners in picture.boxes] or [f"{start},,,,,"]
    _save(root / f"{split}.csv", "\n".join(rows))


def csv_retinanet(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    """Without a header, the class last."""
    rows = []
    for picture in pictures:
        _save(root / picture.name, picture.encoded)
        boxes = [f"{','.join(map(repr, corners))},{name}" for name, corners in picture.boxes]
        rows += [f"{picture.name},{box}" for box in boxes or [",,,,"]]
    _save(root / f"{split}.csv", "\n".join(rows))


def csv_roboflow(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    csv(root, split, pictures)
    (root / "images").rename(root / split)
    (root / f"{split}.csv").rename(root / split / "_annotations.csv")


def yolo(
    root: Path, split: str, pictures: Sequence[Picture], *, images="images/{}", labels="labels/{}", names: Sequence[str] = ()
) -> None:
    names = names or class_names(pictures)
    for picture in pictures:
        _save(root / images.format(split) / picture.name, picture.encoded)
        rows = []
        for (name, _), (xmin, ymin, xmax, ymax) in zip(picture.boxes, picture.fractions, strict=True):
            rows.append(f"{names.index(name)} {(xmin + xmax) / 2!r} {(ymin + ymax) / 2!r} {xmax - xmin!r} {ymax - ymin!r}\n")
        if rows:
            _save(root / labels.format(split) / f"{picture.stem}.txt", "".join(rows))
    _save(root / "data.yaml", f"{split}: ../{images.format(split)}\nnc: {len(names)}\nnames: {json.dumps(names)}\n")


def yolo_roboflow(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    yolo(root, split, pictures, images="{}/images", labels="{}/labels")


def yolo_list(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    """Polygons, images listed in a text file, names by number."""
    names = class_names(pictures)
    for picture in pictures:
        _save(root / "images" / picture.name, picture.encoded)
        rows = []
        for (name, _), (xmin, ymin, xmax, ymax) in zip(picture.boxes, picture.fractions, strict=True):
            rows.append(f"{names.index(name)} {xmin!r} {ymin!r} {xmax!r} {ymin!r} {xmax!r} {ymax!r} {xmin!r} {ymax!r}\n")
        _save(root / "labels" / f"{picture.stem}.txt", "".join(rows))
    _save(root / f"{split}.txt", "".join(f"./images/{picture.name}\n" for picture in pictures))
    numbered = "".join(f"  {number}: {json.dumps(name)}\n" for number, name in enumerate(names))
    _save(root / "data.yaml", f"path: .\n{split}: {split}.txt\nnames:\n{numbered}")


def tfrecord(root: Path, split: str, pictures: Sequence[Picture], *, files=1, end="") -> None:
    """With a label map; several files get a label map's numbers alone, and one file the names."""
    names = class_names(pictures)
    count = -(-len(pictures) // files)
    for number in range(files):
        name = f"{split}.record-{number:05d}-of-{files:05d}{end}" if files > 1 else f"{split}.record{end}"
        root.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(root / name), "GZIP" if end else "") as writer:
            for picture in pictures[number * count : (number + 1) * count]:
                writer.write(_example(picture, names if files == 1 else None, names))
    if files > 1:
        items = (f"item {{ id: {number} name: {json.dumps(name)} }}\n" for number, name in enumerate(names, start=1))
        _save(root / "label_map.pbtxt", "".join(items))


def _example(picture: Picture, texts: Sequence[str] | None, names: Sequence[str]) -> bytes:
    def floats(column: int) -> tf.train.Feature:
        return tf.train.Feature(float_list=tf.train.FloatList(value=[box[column] for box in picture.fractions]))

    def numbers(*values: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def texts_of(*values: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    feature = {
        "image/encoded": texts_of(picture.encoded),
        "image/filename": texts_of(picture.name.encode()),
        "image/width": numbers(picture.size[0]),
        "image/height": numbers(picture.size[1]),
        **{f"image/object/bbox/{tag}": floats(column) for column, tag in enumerate(TAGS)},
        "image/object/class/label": numbers(*(names.index(name) + 1 for name, _ in picture.boxes)),
    }
    if texts:
        feature["image/object/class/text"] = texts_of(*(name.encode() for name, _ in picture.boxes))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def tfrecord_sharded(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    tfrecord(root, split, pictures, files=3)


def tfrecord_gzip(root: Path, split: str, pictures: Sequence[Picture]) -> None:
    tfrecord(root, split, pictures, files=2, end=".gz")


LAYOUTS: dict[str, Callable[[Path, str, Sequence[Picture]], None]] = {
    writer.__name__: writer
    for writer in (
        voc,
        coco,
        csv,
        csv_retinanet,
        csv_roboflow,
        yolo,
        yolo_roboflow,
        yolo_list,
        tfrecord,
        tfrecord_sharded,
        tfrecord_gzip,
    )
}


def digest(dataset: Dataset, *, batches: int, batch_size: int, image_size: int) -> str:
    """Of all records as they are evaluated, and of the first training batches with the paper's augmentation, if any."""
    found = hashlib.sha256(repr(dataset.class_names).encode())
    made = [batch for batch, _ in evaluation_batches(dataset, batch_size=batch_size, image_size=image_size)]
    if batches:
        training = TrainingBatches(dataset, batch_size=batch_size, image_size=image_size, seed=0, augment=AUGMENTATIONS["ssd"])
        made += training.batches(0, batches)
    for column in (column for batch in made for column in batch):
        found.update(column.numpy().tobytes())
    return found.hexdigest()


def main(source: Path, output: Path, split: str = "train") -> None:
    """Write every layout below `output`, and print the digests."""
    pictures = pictures_of(VocDataset(source, split))
    print(f"{len(pictures)} images, {sum(len(picture.boxes) for picture in pictures)} boxes")
    for name, write in LAYOUTS.items():
        write(output / name, split, pictures)
        kind: DatasetKind = recognise([(output / name, split)])
        dataset = open_dataset(kind, [output / name], [split])
        print(f"| {name} | {kind} | `{digest(dataset, batches=20, batch_size=8, image_size=300)}` |", flush=True)


def _save(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
