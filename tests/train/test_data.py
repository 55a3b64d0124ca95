import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tf_ssd.config import TrainConfig
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.errors import DatasetError
from tf_ssd.train.data import data_notes, data_warnings, training_data


def coco(path: Path, names, *used) -> None:
    """Categories with these names, and a box of each of those that are used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": names.index(name), "bbox": [5, 5, 9, 9]}
            for number, name in enumerate(used)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
    }
    path.write_text(json.dumps(content))


def csv(path: Path, *used) -> None:
    path.write_text("".join(f"a.png,{name},5,5,14,14\n" for name in used))


def config(kind, folder, **settings):
    return TrainConfig(dataset=kind, data=(folder,), steps=4, batch_size=2, **settings)


NAMES = ("animals", "cat", "dog", "cow")


def test_a_class_that_cocos_training_file_has_the_name_of_alone(tmp_path):
    """It is one where the held-out data have boxes of it; a name without any box is none."""
    coco(tmp_path / "train.json", NAMES, "cow", "cat")
    coco(tmp_path / "val.json", NAMES, "cat", "dog")
    training, held_out = training_data(config("coco", tmp_path))
    assert training.class_names == held_out.class_names == ("cat", "dog", "cow")
    assert training[0].labels.tolist() == [3, 1]
    assert held_out[0].labels.tolist() == [1, 2]


ADVICE = "the classes are those of the training data; to add one, list all of them in a file for --classes"


def test_a_class_that_the_training_data_do_not_name(tmp_path):
    coco(tmp_path / "train.json", ("cat",), "cat")
    coco(tmp_path / "val.json", ("cat", "dog"), "cat", "dog")
    with pytest.raises(DatasetError, match=rf"val.json: category 1 \(dog\) is none of cat; .*; {ADVICE}"):
        training_data(config("coco", tmp_path))


def test_a_class_map_has_the_classes_of_both(tmp_path):
    csv(tmp_path / "train.csv", "cat")
    csv(tmp_path / "val.csv", "dog")
    with pytest.raises(DatasetError, match=rf"val.csv: line 1 \(dog\): the class is none of cat; .*; {ADVICE}"):
        training_data(config("csv", tmp_path))
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    training, held_out = training_data(config("csv", tmp_path, classes=tmp_path / "classes.txt"))
    assert training.class_names == held_out.class_names == ("cat", "dog")


def test_a_class_map_that_lacks_a_class_is_to_blame_itself(tmp_path):
    csv(tmp_path / "train.csv", "cat")
    csv(tmp_path / "val.csv", "dog")
    (tmp_path / "classes.txt").write_text("cat\n")
    with pytest.raises(DatasetError, match="the class is none of cat") as caught:
        training_data(config("csv", tmp_path, classes=tmp_path / "classes.txt"))
    assert ADVICE not in str(caught.value)


def test_generated_pictures_of_training_and_evaluation_differ():
    training, held_out = training_data(TrainConfig(steps=4, batch_size=2, seed=3))
    assert len(training) == 8
    assert not any(np.array_equal(training[0].image, held_out[index].image) for index in range(20))
    assert isinstance(held_out, SyntheticDataset)


@pytest.mark.parametrize(
    ("settings", "same", "warnings"),
    [
        ({}, False, []),
        ({}, True, ["the held-out pictures are trained on too"]),
        ({"split": ("val",)}, True, ["the held-out split val is trained on too"]),
        ({"split": ("train", "val")}, False, ["the held-out split val is trained on too"]),
        ({"split": ("val",), "eval_data": (Path("elsewhere"),)}, False, []),
        ({"split": ("val",), "eval_data": (Path("x/../voc"),)}, False, ["the held-out split val is trained on too"]),
    ],
)
def test_held_out_pictures_that_are_trained_on(settings, same, warnings):
    found = list(data_warnings(config("voc", Path("voc"), **settings), same=same))
    assert [text.partition(",")[0] for text in found] == warnings


class Difficult(SyntheticDataset):
    """The second record cannot be used, the third has a difficult object."""

    def __getitem__(self, index):
        if index == 1:
            raise DatasetError("broken")
        record = super().__getitem__(index)
        return replace(record, difficult=np.full(len(record.labels), index == 2))


def test_difficult_objects_are_told_of():
    first = SyntheticDataset(4, seed=1)[2].id
    done = {"train": "trained on like the others", "ignore": "neither trained on nor taken for background"}
    for difficult, becomes in done.items():
        told = f"objects that are marked difficult are {becomes}; the first are in {first}"
        assert list(data_notes(Difficult(4, seed=1), difficult)) == [told]
        assert list(data_notes(Difficult(2, seed=1), difficult)) == []
