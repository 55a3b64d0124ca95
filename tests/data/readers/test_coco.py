import gc
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_ssd.check.findings import Findings
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.readers.coco import CocoDataset
from tf_ssd.errors import DatasetError, ImageError


def image(number: float | str, name: str | int | None = None, **values) -> dict:
    return {"id": number, "file_name": name or f"{number}.png", "width": 200, "height": 100, **values}


def box(
    number: int | str | None, image_id: int | str | None = 1, category_id: int | str = 3, bbox=(10, 20, 40, 40), **values
) -> dict:
    return {"id": number, "image_id": image_id, "category_id": category_id, "bbox": bbox, "iscrowd": 0, **values}


IMAGES, BOXES = [image(1)], [box(1)]
CATEGORIES = [{"id": 7, "name": "dog", "supercategory": "animal"}, {"id": 3, "name": "cat"}]


@pytest.fixture
def read(tmp_path):
    """Write a file with these lists and read it."""
    (tmp_path / "images").mkdir()

    def read(images=IMAGES, annotations=BOXES, categories=CATEGORIES, **options) -> CocoDataset:
        content = {"info": {}, "images": images, "annotations": annotations, "categories": categories, "licenses": []}
        (tmp_path / "coco.json").write_text(json.dumps(content))
        return CocoDataset(tmp_path / "coco.json", tmp_path / "images", **options)

    return read


def test_a_record(read, tmp_path):
    Image.new("RGB", (200, 100)).save(tmp_path / "images" / "1.png")
    record = read(annotations=[box(1, bbox=[10, 20, 40, 40.5]), box(2, category_id=7, bbox=[0, 0, 200, 100])])[0]
    assert (record.id, record.image, record.size) == ("1", tmp_path / "images" / "1.png", (200, 100))
    np.testing.assert_array_equal(record.boxes_px, [[10, 20, 50, 60.5], [0, 0, 200, 100]])
    assert record.labels.tolist() == [1, 2]
    assert record.difficult.tolist() == [False, False]
    assert [array.dtype for array in (record.boxes_px, record.labels, record.crowd)] == [np.float64, np.int32, bool]
    assert read_image(record).shape == (100, 200, 3)


def test_images_keep_the_order_of_the_file_and_annotations_may_be_mixed(read):
    images = [image(30), image(-5), image(2**62, "sub/big.jpg")]
    annotations = [box(9, 2**62, 7), box(8, 30), box(7, 2**62, 3), box(6, 30, 7), box(5, 2**62, 7)]
    dataset = read(images, annotations)
    assert [dataset[index].id for index in range(3)] == ["30", "-5", str(2**62)]
    assert [dataset[index].labels.tolist() for index in range(3)] == [[1, 2], [], [2, 1, 2]]
    assert dataset[1].boxes_px.shape == (0, 4)
    assert dataset[2].image.parts[-2:] == ("sub", "big.jpg")
    assert (len(dataset), dataset.notes) == (3, ())


def test_sparse_category_ids_become_labels_in_the_order_of_the_ids(read):
    categories = [{"id": 900, "name": "c"}, {"id": 0, "name": "a"}, {"id": 17, "name": " b "}]
    dataset = read(annotations=[box(1, 1, 900), box(2, 1, 0), box(3, 1, 17)], categories=categories)
    assert dataset.class_names == ("a", "b", "c")
    assert dataset[0].labels.tolist() == [3, 1, 2]


def test_a_category_without_boxes_takes_no_label_and_is_noted(read):
    categories = [{"id": 0, "name": "pieces"}, *CATEGORIES]
    dataset = read(annotations=[box(1), box(2, category_id=7, bbox=[5, 5, 0, 5])], categories=categories)
    assert dataset.class_names == ("cat",)
    assert dataset[0].labels.tolist() == [1]
    assert dataset.notes[1].startswith("categories without boxes, left out: 2: ")
    assert "category 0 (pieces)" in dataset.notes[1]
    assert "category 7 (dog)" in dataset.notes[1]


def test_given_class_names_set_the_labels(read):
    dataset = read(categories=[{"id": 0, "name": "pieces"}, *CATEGORIES], class_names=["cow", "cat", "dog"])
    assert dataset.class_names == ("cow", "cat", "dog")
    assert dataset[0].labels.tolist() == [2]
    assert dataset.notes == ()


def test_given_class_names_allow_a_file_without_annotations(read, tmp_path):
    dataset = read(annotations=[], class_names=["cat"])
    assert dataset[0].labels.tolist() == []
    (tmp_path / "coco.json").write_text('{"images": [{"id": 1, "file_name": "1.png", "width": 2, "height": 2}], "categories": []}')
    assert len(CocoDataset(tmp_path / "coco.json", tmp_path, class_names=["cat"])) == 1


def test_crowds_are_kept_and_marked(read):
    rows = [box(1), box(2, iscrowd=1, segmentation={"counts": [1, 2], "size": [3, 4]}), box(3, iscrowd=True), box(4, iscrowd=False)]
    assert read(annotations=rows)[0].crowd.tolist() == [False, True, True, False]
    without = {key: value for key, value in box(1).items() if key != "iscrowd"}
    assert read(annotations=[without])[0].crowd.tolist() == [False]


def test_whole_numbers_may_be_written_as_floats(read):
    dataset = read([image(1.0, width=200.0)], [box(1.0, 1.0, 3.0, iscrowd=0.0)])
    assert dataset[0].labels.tolist() == [1]


def test_ids_may_be_texts_and_annotations_need_none(read, tmp_path):
    images = [image("0001_d"), image("10"), image(2**64, "big.png"), image("007"), image(7)]
    rows = [box(None, "0001_d"), box("x", 10, "3"), box(5, str(2**64), bbox=[9, 9, 0, 9]), box(5, "007", "animal")]
    dataset = read(images, rows, [{"id": "animal", "name": 5}, {"id": 3, "name": "cat"}, {"id": "12", "name": "dog"}])
    assert [dataset[index].id for index in range(5)] == ["0001_d", "10", str(2**64), "007", "7"]
    assert dataset.class_names == ("cat", "5")
    assert [dataset[index].labels.tolist() for index in range(5)] == [[1], [1], [], [2], []]
    where = f"{tmp_path / 'coco.json'}: annotations[2]"
    assert dataset.notes[0] == f"boxes without area, dropped: 1: {where}: x=9 y=9 width=0 height=9"


def test_repeated_ids_of_annotations_are_noted(read, tmp_path):
    dataset = read(annotations=[box(5), box(5, category_id=7), box(6)])
    assert dataset[0].labels.tolist() == [1, 2, 1]
    where = f"{tmp_path / 'coco.json'}: annotation 5"
    assert dataset.notes == (
        f"repeated ids of annotations: 1: {where}: the id is given 2 times; COCO's own tools take the last for all of them",
    )


@pytest.mark.parametrize("size", [{}, {"width": 200}, {"width": 200, "height": 0}, {"width": None, "height": None}])
def test_without_a_size_rows_are_as_annotated_and_say_where_they_stand(read, tmp_path, size):
    """No image is there to be looked at."""
    beyond, flat = box(4, bbox=[-10, 20, 400, 40]), box(5, bbox=[500, 20, 0, 40])
    rows = [beyond, box(6, image_id=2, category_id=7), flat, {**beyond, "id": 7}]
    dataset = read([{"id": 1, "file_name": "1.png", **size}, image(2)], rows)
    record = dataset[0]
    assert record.size is None
    np.testing.assert_array_equal(record.boxes_px, [[-10, 20, 390, 60]] * 2)
    where = f"{tmp_path / 'coco.json'}: annotation"
    assert list(map(str, record.written)) == [f"{where} {number}: x=-10 y=20 width=400 height=40" for number in (4, 7)]
    assert dataset.notes == (f"boxes without area, dropped: 1: {where} 5: x=500 y=20 width=0 height=40",)
    assert (dataset[1].size, dataset[1].written) == ((200, 100), ())


def test_a_byte_order_mark_is_passed_over(read, tmp_path):
    read()
    content = (tmp_path / "coco.json").read_bytes()
    (tmp_path / "coco.json").write_bytes(b"\xef\xbb\xbf" + content)
    assert len(CocoDataset(tmp_path / "coco.json", tmp_path)) == 1


@pytest.mark.parametrize("bbox", [(30, 20, 0, 40), (30, 20, 40, 0), (500, 20, 0, 0)])
def test_a_box_without_area_is_dropped_and_noted(read, bbox):
    dataset = read(annotations=[box(4), box(5, bbox=bbox), box(6, category_id=7)])
    assert dataset[0].labels.tolist() == [1, 2]
    x, y, width, height = bbox
    assert len(dataset.notes) == 1
    assert dataset.notes[0].startswith("boxes without area, dropped: 1: ")
    assert dataset.notes[0].endswith(f"coco.json: annotation 5: {x=} {y=} {width=} {height=}")


def test_a_box_partly_outside_is_clipped_and_noted(read):
    dataset = read(annotations=[box(4), box(5, bbox=(-10, 50, 60, 60)), box(6, bbox=(-5e8, -5e8, 1e9, 1e9))])
    np.testing.assert_array_equal(dataset[0].boxes_px[1], [0, 50, 50, 100])
    assert dataset.notes[0].startswith("boxes that reached beyond their image, clipped: ")
    assert "coco.json: annotation 5: x=-10 y=50 width=60 height=60" in dataset.notes[0]


@pytest.mark.parametrize("index", [-1, 1])
def test_an_index_outside_is_an_index_error(read, index):
    with pytest.raises(IndexError, match="of 1"):
        read()[index]


# What is refused: file, object, value, and what to do

BAD = {
    "no images": ({"images": []}, "there are no images; list"),
    "image without id": ({"images": [{"file_name": "1.png"}]}, r"missing required field `id` - at `\$.images\[0\]`"),
    "image without name": ({"images": [{"id": 1}]}, "image 1: 'file_name' is missing; name the image's file"),
    "repeated image": ({"images": [image(2), image(1), image(2, "b.png")]}, "images: the id 2 is given 2 times; make"),
    "repeated as a text": ({"images": [image(1), image("1", "b.png")]}, "images: the id 1 is given 2 times; make"),
    "repeated category": ({"categories": [*CATEGORIES, CATEGORIES[0]]}, "categories: the id 7 is given 2 times"),
    "one name twice": (
        {"annotations": [box(1), box(2, 1, 7)], "categories": [{"id": 3, "name": "a"}, {"id": 7, "name": "a"}]},
        "twice, 'a'",
    ),
    "empty name": ({"categories": [{"id": 3, "name": " "}]}, "class 1 has no name"),
    "unknown image": ({"annotations": [box(1), box(5, 2)]}, "annotation 5: there is no image with the id 2; add it or remove"),
    "unknown category": ({"annotations": [box(1), box(5, 1, 4)]}, "annotation 5: there is no category with the id 4; add it"),
    "no boxes": ({"annotations": []}, "there are no objects to take class names from"),
    "unknown class": ({"class_names": ["cow", "dog"]}, r"category 3 \(cat\) is none of cow, dog; rename"),
    "negative width": (
        {"annotations": [box(5, bbox=(9, 9, -1, 4))]},
        r"annotation 5: bbox \(9.0, .* has a negative side; write x, y",
    ),
    "negative height": ({"annotations": [box(5, bbox=(9, 9, 4, -1))]}, r"annotation 5: bbox .* has a negative side"),
    "right of the image": (
        {"annotations": [box(5, bbox=(200, 9, 4, 4))]},
        "annotation 5: x=200 .* outside the image of 200 x 100 px",
    ),
    "left of the image": ({"annotations": [box(5, bbox=(-4, 9, 4, 4))]}, "annotation 5: x=-4 .* outside"),
    "above the image": ({"annotations": [box(5, bbox=(4, -9, 4, 4))]}, "annotation 5: .* outside"),
    "below the image": ({"annotations": [box(5, bbox=(4, 100, 4, 4))]}, "annotation 5: .* outside"),
    "three numbers": ({"annotations": [box(5, bbox=(4, 4, 4))]}, r"array` of length 4 - at `\$.annotations\[0\].bbox`"),
    "no bbox": ({"annotations": [{"id": 1, "image_id": 1, "category_id": 3}]}, "missing required field `bbox`"),
    "words": (
        {"annotations": [box(5, bbox=(4, 4, "wide", 4))]},
        r"Expected `float`, got `str` - at `\$.annotations\[0\].bbox\[2\]`",
    ),
    "nan": ({"annotations": [box(5, bbox=(4, 4, float("nan"), 4))]}, "cannot be used as COCO JSON .*malformed"),
    "nan as text": ({"annotations": [box(5, bbox=(4, 4, "nan", 4))]}, "cannot be used as COCO JSON"),
    "too large": ({"annotations": [box(5, bbox=(4, 4, 1e10, 4))]}, r"Expected `float` <= 1000000000.0 - at .*bbox"),
    "broken id": ({"images": [image(1.5)]}, r"at `\$.images\[0\].id`"),
    "too many boxes": ({"annotations": [box(n) for n in range(4097)]}, r"image 1 \(1\.png\): 4097 boxes are more than the 4096"),
    "negative size": ({"images": [image(1, width=-200)]}, r"Expected `int` >= 0 - at `\$.images\[0\].width`"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_bad_content_is_refused(read, content, message):
    with pytest.raises(DatasetError, match=rf"coco\.json.*{message}"):
        read(**content)


BAD_FILES = {"empty": b"", "not JSON": b"<xml/>", "a list": b"[]", "not UTF-8": b'{"images": "\xff"}', "deep": b"[" * 100_000}
BAD_FILES["deep beside"] = b'{"x": ' + b"[" * 100_000
BAD_FILES["lone surrogate"] = b'{"images": [{"id": 1, "file_name": "\\ud800"}], "categories": []}'


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused(tmp_path, content):
    (tmp_path / "coco.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"coco\.json: cannot be used as COCO JSON \(.*\); correct"):
        CocoDataset(tmp_path / "coco.json", tmp_path)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ('{"x": NaN}', "; JSON has no NaN"),
        ('{"x": nil}', ""),
        ('{"images": [], "annotations": {"x": "NaN"}, "categories": []}', ""),
    ],
)
def test_that_json_has_no_nan_is_said_where_that_is_the_fault(tmp_path, content, hint):
    (tmp_path / "coco.json").write_text(content)
    with pytest.raises(DatasetError, match=rf"cannot be used as COCO JSON \(.*\); correct the file{hint}$"):
        CocoDataset(tmp_path / "coco.json", tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.json: cannot be used as COCO JSON .*No such file"):
        CocoDataset(tmp_path / "gone.json", tmp_path)


@pytest.mark.parametrize("name", ["../1.png", "/etc/passwd", r"..\1.png", "http:/../../x", "C:\\1.png", "a\0b"])
def test_a_file_name_that_leads_out_of_the_folder_is_refused(read, name):
    with pytest.raises(DatasetError, match=r"coco\.json: image 1: the file name .* leads out of the dataset's folder; write"):
        read([image(1, name)])


@pytest.mark.parametrize("known_size", [True, False])
def test_a_symbolic_link_out_of_the_folder_is_refused(read, tmp_path, known_size):
    Image.new("RGB", (200, 100)).save(tmp_path / "outside.png")
    (tmp_path / "images" / "1.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(DatasetError, match=r"1\.png: a symbolic link leads to .*outside\.png"):
        read([image(1) if known_size else {"id": 1, "file_name": "1.png"}])[0]


# Where images are


@pytest.mark.parametrize("name", ["images/1.png", r"images\1.png", "1.png", "images/deep/1.png", r"images\deep\1.png"])
def test_a_file_name_may_be_relative_to_any_of_the_folders(read, tmp_path, name):
    path = tmp_path / "images" / ("deep/1.png" if "deep" in name else "1.png")
    path.parent.mkdir(exist_ok=True)
    path.touch()
    read([image(1, name)])
    record = CocoDataset(tmp_path / "coco.json", tmp_path / "images", tmp_path)[0]
    assert (record.image, record.looked_for) == (path, ())


def test_the_folders_are_searched_in_order(read, tmp_path):
    for folder in ("images", "."):
        (tmp_path / folder / "1.png").touch()
    read()
    assert CocoDataset(tmp_path / "coco.json", tmp_path / "images", tmp_path)[0].image == tmp_path / "images/1.png"
    assert CocoDataset(tmp_path / "coco.json")[0].image == tmp_path / "1.png"


def test_a_missing_image_says_where_it_was_looked_for(read, tmp_path):
    read([image(1, r"deep\1.png")])
    record = CocoDataset(tmp_path / "coco.json", tmp_path / "images", tmp_path)[0]
    assert record.looked_for == (tmp_path / "images/deep/1.png", tmp_path / "deep/1.png")
    assert record.labels.tolist() == [1]
    with pytest.raises(ImageError) as error:
        read_image(record)
    first, second = record.looked_for
    assert str(error.value) == (
        f"{first}: there is no such image; looked for {first}, {second}; add it, correct its name or remove the record"
    )
    assert error.value.kind == "missing files"


def test_a_name_that_no_file_system_takes_is_missing(read):
    assert read([image(1, "x" * 5000)])[0].looked_for


# What is not concluded


@pytest.mark.parametrize(
    ("images", "annotations", "categories", "kinds"),
    [
        ([image(1), image(2, width="wide")], [box(1, 2)], CATEGORIES, {"broken annotations"}),
        ([image(1, "../1.png"), image(2)], [box(1)], CATEGORIES, {"paths out of the dataset"}),
        ([{"id": 1}, image(2)], [box(1)], CATEGORIES, {"broken annotations"}),
        ([image(1, 5)], [box(1)], CATEGORIES, {"broken annotations"}),
        (IMAGES, [box(1, bbox=[1, 2, 3])], CATEGORIES, {"broken annotations"}),
        (IMAGES, [box(1, None)], CATEGORIES, {"broken annotations"}),
        (IMAGES, BOXES, [{"id": 3}], {"broken annotations"}),
        (IMAGES, [box(1, category_id=4)], CATEGORIES, {"unknown classes"}),
        (IMAGES, [box(1, bbox=[1, 2, -3, 4])], CATEGORIES, {"boxes with inverted corners"}),
        (IMAGES, [box(1, bbox=[500, 2, 3, 4])], CATEGORIES, {"boxes outside their image"}),
        (IMAGES, [box(1), box(2, category_id=7)], [{"id": number, "name": "cat"} for number in (3, 7)], {"broken annotations"}),
    ],
)
def test_nothing_follows_from_what_could_not_be_read(read, images, annotations, categories, kinds):
    """No unknown images, no categories without boxes, no missing classes, no images without boxes."""
    findings = Findings("train")
    dataset = read(images, annotations, categories, notes=findings)
    assert {finding.kind for finding in findings} == kinds
    assert not any(dataset[index].complete for index in range(len(dataset)))


def test_something_follows_from_what_was_read(read):
    findings = Findings("train")
    assert read(annotations=[box(1, 2)], notes=findings)[0].complete is False
    assert {finding.kind for finding in findings} == {"boxes of unknown images"}
    assert read()[0].complete


# Memory


def test_a_record_is_held_in_little_memory(read):
    images = [image(number, f"train2017/{number:012d}.jpg") for number in range(5000)]
    annotations = [box(number, number // 3) for number in range(15_000)]
    read(images, annotations)  # once, so that what is loaded on first use does not count
    tracemalloc.start()
    dataset = read(images, annotations)
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 26 letters and 8 for the name, 8 id, 8 size, 8 offset; 32 + 8 + 4 + 1 for each of three boxes.
    assert kept / len(dataset) < 58 + 135 + 40


# The real thing


@pytest.mark.skipif("TF_SSD_TEST_DATA" not in os.environ, reason="TF_SSD_TEST_DATA names no folder with chess_coco_640")
def test_chess():
    root = Path(os.environ["TF_SSD_TEST_DATA"]) / "chess_coco_640"
    train = CocoDataset(root / "train/_annotations.coco.json", root / "train")
    assert len(train.class_names) == 13
    assert "category 0 (pieces)" in train.notes[0]
    others = [
        CocoDataset(root / name / "_annotations.coco.json", root / name, class_names=train.class_names)
        for name in ("valid", "test")
    ]
    assert [len(dataset) for dataset in (train, *others)] == [202, 58, 29]
    assert [sum(len(dataset[index].labels) for index in range(len(dataset))) for dataset in (train, *others)] == [2108, 386, 376]
    assert min(len(others[1][index].labels) for index in range(29)) == 0
    assert all(read_image(dataset[0]).shape[1::-1] == dataset[0].size for dataset in (train, *others))
