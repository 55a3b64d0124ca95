from torchvision.models._meta import _COCO_CATEGORIES, _VOC_CATEGORIES

from tf_ssd.data.classes import read_class_names, write_class_names
from tf_ssd.weights.class_names import published_class_names


def test_the_names_are_those_that_torchvision_publishes(tmp_path):
    coco = published_class_names("torchvision", 91)
    assert [name for name in coco if not name.startswith("unused")] == [name for name in _COCO_CATEGORIES[1:] if name != "N/A"]
    assert {label for label, name in enumerate(coco, start=1) if name == f"unused {label}"} == {
        label for label, name in enumerate(_COCO_CATEGORIES) if name == "N/A"
    }
    assert published_class_names("amdegroot", 21) == tuple(_VOC_CATEGORIES[1:])
    write_class_names(tmp_path / "classes.txt", coco)
    assert read_class_names(tmp_path / "classes.txt") == coco


def test_heads_of_another_number_and_bodies_have_none():
    assert published_class_names("torchvision", 21) is None
    assert published_class_names("amdegroot", 91) is None
    assert published_class_names("vgg16", 21) is None
