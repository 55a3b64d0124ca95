import json

import pytest

from tf_ssd.data.sources import annotation_file
from tf_ssd.errors import DatasetError
from tf_ssd.evaluate.coco_ground_truth import read_coco_ground_truth

IMAGES = [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}]
CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 2, "name": "cat"}, {"id": 0, "name": "animal"}]
ROWS = [
    {"id": 1, "image_id": 7, "category_id": 18, "bbox": [10, 20, 30, 40], "area": 700.5, "iscrowd": 0},
    {"id": 2, "image_id": 7, "category_id": 2, "bbox": [-5, 0, 9000, 4], "iscrowd": 1},
]


@pytest.fixture
def read(tmp_path):
    def read(images=IMAGES, annotations=ROWS, categories=CATEGORIES, **options):
        path = tmp_path / "instances.json"
        path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
        return read_coco_ground_truth(path, **options)

    return read


def test_images_and_categories_are_in_the_order_of_their_ids(read):
    truth = read()
    assert truth.image_ids == (3, 7)
    assert truth.category_ids == (0, 2, 18)
    assert truth.class_names == ("animal", "cat", "dog")
    assert truth.position_of["7"] == 1
    assert truth.files == ("a.jpg", "b.jpg")


def test_what_no_metric_needs_may_be_missing(read):
    rows = [{**ROWS[0], "id": None, "iscrowd": None}, {key: value for key, value in ROWS[1].items() if key != "id"}]
    truth = read([{"id": 7, "width": None}, {"id": 3}], rows)
    assert [image.labels.tolist() for image in truth.images] == [[], [3, 2]]
    assert truth.images[1].left_out.tolist() == [False, True]


def test_ids_may_be_texts(read):
    rows = [{**ROWS[0], "image_id": "0001_d"}, {**ROWS[1], "image_id": 9}, {**ROWS[1], "image_id": "9", "category_id": "18"}]
    truth = read([{"id": "0001_d"}, {"id": "10"}, {"id": "9"}], rows)
    assert truth.image_ids == ("9", "10", "0001_d")
    assert [image.labels.tolist() for image in truth.images] == [[2, 3], [], [3]]
    assert read(annotations=[], categories=[{"id": "b", "name": "x"}, {"id": "2", "name": 5}]).category_ids == ("2", "b")


def test_boxes_are_as_written_also_beyond_the_image(read):
    empty, image = read().images
    assert image.boxes_px.tolist() == [[10, 20, 40, 60], [-5, 0, 8995, 4]]
    assert image.labels.tolist() == [3, 2]
    assert image.left_out.tolist() == [False, True]
    assert empty.boxes_px.shape == (0, 4)


def test_corners_that_are_all_fractions_are_refused(read):
    rows = [{**ROWS[0], "bbox": [0.1, 0.2, 0.25, 0.5]}, {**ROWS[0], "image_id": 3, "bbox": [0, 0, 1, 1]}]
    message = r"instances\.json: no corner of any box is greater than 1 px; in image 7 the first box ends at x=0.35, y=0.7; these"
    with pytest.raises(DatasetError, match=message):
        read(annotations=rows)
    assert len(read(annotations=[*rows, ROWS[0]]).images[1].labels) == 2


def test_the_area_is_that_of_the_outline_else_of_the_box(read):
    assert read().images[1].areas_px.tolist() == [700.5, 36000]


def test_class_names_set_the_labels(read):
    truth = read(class_names=["dog", "cow", "cat"])
    assert truth.class_names == ("dog", "cow", "cat")
    assert truth.category_ids == (18, None, 2)
    assert truth.images[1].labels.tolist() == [1, 3]


@pytest.mark.parametrize("parent", [-1, 99])
@pytest.mark.parametrize("class_names", [None, ["animal", "cat", "dog"]])
def test_a_parent_without_boxes_may_have_the_name_of_a_class(read, parent, class_names):
    truth = read(categories=[*CATEGORIES, {"id": parent, "name": "dog"}], class_names=class_names)
    assert (truth.class_names, truth.category_ids) == (("animal", "cat", "dog"), (0, 2, 18))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": [*IMAGES, IMAGES[0]]}, "images: the id 7 is given 2 times"),
        ({"categories": [*CATEGORIES, {"id": 2, "name": "x"}]}, "categories: the id 2 is given 2 times"),
        (
            {"categories": [*CATEGORIES, {"id": 4, "name": "dog"}], "annotations": [*ROWS, {**ROWS[0], "category_id": 4}]},
            "one name twice, 'dog'",
        ),
        ({"annotations": [{**ROWS[0], "image_id": 8}]}, r"annotations\[0\]: there is no image with the id 8"),
        ({"annotations": [ROWS[0], {**ROWS[0], "category_id": 5}]}, r"annotations\[1\]: category 5 is none of the classes"),
        ({"annotations": [{**ROWS[0], "area": [700]}]}, r"annotations\[0\]: area is \[700\]; write a number, or leave it out"),
        ({"class_names": ["cat"]}, "category 18 is none of the classes"),
        ({"annotations": [{**ROWS[0], "bbox": [1, 2, 3]}]}, r"cannot be used as COCO JSON .*bbox"),
    ],
)
def test_what_cannot_be_used_is_named(read, tmp_path, changed, message):
    with pytest.raises(DatasetError, match=message) as error:
        read(**changed)
    assert str(tmp_path / "instances.json") in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.json: cannot be used as COCO JSON"):
        read_coco_ground_truth(tmp_path / "gone.json")


@pytest.mark.parametrize("place", ["annotations/instances_val.json", "val/_annotations.coco.json", "val.json"])
def test_annotations_are_found_without_images(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert annotation_file(tmp_path, "val") == path
    with pytest.raises(DatasetError, match=r"looked for .*instances_test\.json"):
        annotation_file(tmp_path, "test")
