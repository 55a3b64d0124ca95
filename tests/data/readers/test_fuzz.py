"""Whatever a dataset's files hold, a reader gives records that can be trained on, or a DatasetError, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.data.readers.examples import BOX, LABEL_MAP, example
from tf_ssd.check.findings import Findings
from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.coco import CocoDataset
from tf_ssd.data.readers.csv import CsvDataset, TextFilesDataset
from tf_ssd.data.readers.tfrecord import TfrecordDataset
from tf_ssd.data.readers.tfrecord_index import masked_checksum
from tf_ssd.data.readers.voc import VocDataset
from tf_ssd.data.readers.voc_split import LOST
from tf_ssd.data.readers.yolo import YoloDataset
from tf_ssd.data.records import Dataset
from tf_ssd.errors import DatasetError

SIZE = (200, 100)
XML = b"""<?xml version="1.0" encoding="UTF-8"?><annotation><filename>a.png</filename>
<size><width>200</width><height>100</height></size>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></object>
</annotation>"""
COCO = b"""{"images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}, {"id": 2, "file_name": "a.png"}],
"annotations": [{"id": 5, "image_id": 1, "category_id": 3, "bbox": [10, 20.5, 40, 40], "iscrowd": 0}],
"categories": [{"id": 3, "name": "dog"}, {"id": 9, "name": "cat"}]}"""
CSV = b"name,class,xmin,ymin,xmax,ymax\na.png,dog,10,20,50,60\na.png,cat,0,0,200.5,100\nb.png,,,,,\n"
YOLO = b"0 0.5 0.5 0.25 0.5\n1 0.25 0.25 0.5 0.25 0.5 0.5\n"
YAML = b"path: .\ntrain: JPEGImages\nnames:\n  0: dog\n  1: cat\n"
EXAMPLE = example(BOX, (0.0, 0.0, 1.0, 1.0))
LIST = b"./JPEGImages/a.png\n/content/JPEGImages/a.png\n"
TEXT = b"dog,0,10,20,50,60\na.png,cat,0,0,200.5,100\n"

NUMBERS = st.sampled_from(
    ["0", "1", "-1", "50", "200", "1e400", "-1e308", "1e-320", "nan", "inf", "1_0", "٣", ""]
) | st.floats().map(str)
WORDS = (
    NUMBERS | st.text(max_size=5) | st.sampled_from(["a.png", "a", "dog", "../a.png", "/etc/passwd", "C:\\a", "&dog;", "]]>", '"'])
)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """One folder for all: a VOC dataset of one image, which is also that of the other readers."""
    root = tmp_path_factory.mktemp("fuzz")
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    Image.new("RGB", SIZE).save(root / "JPEGImages" / "a.png")
    (root / "ImageSets/Main/train.txt").write_text("a\n")
    return root


def read_voc(root: Path, content: bytes, **options) -> Dataset:
    (root / "Annotations/a.xml").write_bytes(content)
    return VocDataset(root, "train", **options)


def read_split(root: Path, content: bytes, **options) -> Dataset:
    (root / "Annotations/a.xml").write_bytes(XML)
    (root / "ImageSets/Main/fuzzed.txt").write_bytes(content)
    return VocDataset(root, "fuzzed", **options)


def read_coco(root: Path, content: bytes, **options) -> Dataset:
    (root / "coco.json").write_bytes(content)
    return CocoDataset(root / "coco.json", root / "JPEGImages", **options)


def read_csv(root: Path, content: bytes, **options) -> Dataset:
    (root / "labels.csv").write_bytes(content)
    return CsvDataset(root / "labels.csv", root / "JPEGImages", **options)


def read_text(root: Path, content: bytes, **options) -> Dataset:
    (root / "texts").mkdir(exist_ok=True)
    (root / "texts" / "a.txt").write_bytes(content)
    return TextFilesDataset(root / "texts", root / "JPEGImages", **options)


def read_yolo(root: Path, content: bytes, *, yaml: bytes = YAML, **options) -> Dataset:
    (root / "JPEGImages/a.txt").write_bytes(content)
    (root / "data.yaml").write_bytes(yaml)
    return YoloDataset(root, "train", **options)


def read_yaml(root: Path, content: bytes, **options) -> Dataset:
    return read_yolo(root, YOLO, yaml=content, **options)


def read_list(root: Path, content: bytes, **options) -> Dataset:
    (root / "list.txt").write_bytes(content)
    return read_yolo(root, YOLO, yaml=YAML.replace(b"train: JPEGImages", b"train: list.txt"), **options)


def framed(record: bytes) -> bytes:
    """A record as it stands in a TFRecord file."""
    length = len(record).to_bytes(8, "little")
    checksums = (masked_checksum(content).to_bytes(4, "little") for content in (length, record))
    return b"".join((length, next(checksums), record, next(checksums)))


def read_tfrecord(root: Path, content: bytes, *, label_map: bytes = LABEL_MAP.encode(), **options) -> Dataset:
    (root / "train.record").write_bytes(content)
    (root / "label_map.pbtxt").write_bytes(label_map)
    return TfrecordDataset(root, "train", **options)


def read_example(root: Path, content: bytes, **options) -> Dataset:
    return read_tfrecord(root, framed(content), **options)


def read_label_map(root: Path, content: bytes, **options) -> Dataset:
    return read_tfrecord(root, framed(EXAMPLE), label_map=content, **options)


READERS = {
    "voc": (read_voc, XML),
    "split": (read_split, b"a\n"),
    "coco": (read_coco, COCO),
    "csv": (read_csv, CSV),
    "text": (read_text, TEXT),
    "yolo": (read_yolo, YOLO),
    "yaml": (read_yaml, YAML),
    "list": (read_list, LIST),
    "tfrecord": (read_tfrecord, framed(EXAMPLE) * 2),
    "example": (read_example, EXAMPLE),
    "label map": (read_label_map, LABEL_MAP.encode()),
}


def check(read: Callable[..., Dataset], root: Path, content: bytes) -> None:
    """Read with and without class names, every record on its own; and with notes that tolerate faults, which see the same."""
    for options in ({}, {"class_names": ["cat", "dog"]}):
        findings = Findings("fuzz")
        strict, tolerant = (check_dataset(read, root, content, **options, **notes) for notes in ({}, {"notes": findings}))
        assert strict == (tolerant and not errors(findings)), errors(findings)


def errors(findings: Findings) -> list[str]:
    """What training would stop at; it goes on without the lines that name an image again."""
    return [finding.message for finding in findings if finding.severity == "error" and finding.kind != LOST]


def check_dataset(read: Callable[..., Dataset], root: Path, content: bytes, **options) -> bool:
    """Whether all of it can be used."""
    try:
        dataset = read(root, content, **options)
    except DatasetError:
        return False
    assert all(isinstance(note, str) for note in dataset.notes)
    usable = [check_record(dataset, index, root, options.get("notes")) for index in range(len(dataset))]
    return all(usable)


def check_record(dataset: Dataset, index: int, root: Path, notes: Notes | None) -> bool:
    """Whether a record can be used, if its image has SIZE."""
    try:
        annotated = dataset[index]
        record, _ = fit_record(annotated, SIZE, notes or Notes())
    except DatasetError:
        return False
    rows = len(record.labels)
    assert record.boxes_px.shape == (rows, 4)
    assert len(annotated.written) == (0 if annotated.size else len(annotated.labels))
    assert record.difficult.shape == record.crowd.shape == (rows,)
    assert np.all((record.boxes_px >= 0) & (record.boxes_px <= np.tile(record.size, 2)))
    assert np.all(record.boxes_px[:, :2] < record.boxes_px[:, 2:])
    assert not record.fractions
    assert np.all((record.labels >= 1) & (record.labels <= len(dataset.class_names)))
    assert isinstance(record.image, bytes) or record.image.resolve().is_relative_to(root)
    assert min(record.size) > 0
    return True


@pytest.mark.parametrize(("read", "content"), READERS.values(), ids=READERS.keys())
def test_the_examples_are_records(root, read, content):
    """Otherwise the tests below would be content with errors alone."""
    dataset = read(root, content)
    assert len(dataset[0].labels) == (1 if read in {read_voc, read_split, read_coco} else 2)
    check(read, root, content)


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """A few pieces of `content` replaced by bytes, by other pieces of it, or by words."""
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.integers(0, 9))
        other = draw(st.integers(0, len(content)))
        piece = draw(
            st.binary(max_size=6)
            | WORDS.map(lambda word: word.encode("utf-8", "surrogatepass"))
            | st.just(content[other : other + 40])
        )
        content = content[:start] + piece + content[end:]
    return content


@pytest.mark.parametrize(("read", "content"), READERS.values(), ids=READERS.keys())
@given(data=st.data())
def test_damaged_files(root, read, content, data):
    check(read, root, data.draw(damaged(content)))


@given(st.binary(max_size=60))
@pytest.mark.parametrize("read", [read for read, _ in READERS.values()], ids=READERS.keys())
def test_arbitrary_bytes(root, read, content):
    check(read, root, content)


def mostly(*valid) -> st.SearchStrategy:
    return st.sampled_from(valid) | st.sampled_from(valid) | WORDS


CORNERS = st.fixed_dictionaries({}, optional={tag: mostly("1", "50", "200") for tag in ("xmin", "ymin", "xmax", "ymax")})
OBJECT = {"name": mostly("dog", "cat"), "difficult": mostly("0", "1"), "bndbox": CORNERS}
XML_SIZE = st.fixed_dictionaries({}, optional={"width": mostly("200"), "height": mostly("100")})
OBJECTS = st.lists(st.tuples(st.just("object"), st.fixed_dictionaries({}, optional=OBJECT)), max_size=3)


def xml(node: str | dict | list) -> str:
    pairs = node.items() if isinstance(node, dict) else node
    return escape(node) if isinstance(node, str) else "".join(f"<{tag}>{xml(inner)}</{tag}>" for tag, inner in pairs)


@given(XML_SIZE | WORDS, OBJECTS)
def test_annotations_with_wrong_values(root, size, objects):
    check(read_voc, root, f"<annotation><size>{xml(size)}</size>{xml(objects)}</annotation>".encode("utf-8", "surrogatepass"))


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.lists(st.integers(), max_size=4)


@given(st.data())
def test_coco_with_wrong_values(root, data):
    content = json.loads(COCO)
    for _ in range(data.draw(st.integers(0, 3))):
        place = content
        while isinstance(place, dict | list) and place:
            key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
            parent, place = place, place[key]
            if data.draw(st.booleans()):
                break
        parent[key] = data.draw(ANYTHING)
    check(read_coco, root, json.dumps(content).encode("utf-8", "surrogatepass"))


@given(
    st.lists(st.lists(mostly("a.png", "dog", "0", "1", "50", "200"), min_size=6, max_size=6), max_size=4), st.sampled_from(",;\t")
)
@pytest.mark.parametrize("read", [read_csv, read_text])
def test_rows_with_wrong_values(root, read, rows, delimiter):
    check(read, root, "\n".join(map(delimiter.join, rows)).encode("utf-8", "surrogatepass"))
