from pathlib import Path

import pytest

from tf_ssd.config import CheckConfig, EvaluateConfig, ExportConfig, TrainConfig
from tf_ssd.data.recognise import LAYOUTS, recognise, recognised
from tf_ssd.data.sources import check_there
from tf_ssd.errors import DatasetError

XML, COCO, ROW, LINE = "<annotation/>", '{"images": [], "categories": []}', "a.png,dog,1,2,3,4", "0 0.5 0.5 0.5 0.5"
FOLDERS = {
    "VOC": ("voc", {"Annotations/a.xml": XML, "JPEGImages/a.png": "", "ImageSets/Main/train.txt": "a"}),
    "VOC of Roboflow": ("voc", {"train/a.xml": XML, "train/a.png": ""}),
    "COCO": ("coco", {"annotations/instances_train.json": "", "images/train/a.png": ""}),
    "COCO of Roboflow": ("coco", {"train/_annotations.coco.json": "", "train/a.png": "", "README.roboflow.txt": "chess"}),
    "COCO in gzip": ("coco", {"annotations/instances_train.json.gz": "", "images/train/a.png": ""}),
    "a COCO file": ("coco", {"train.json": COCO, "a.png": "", "LICENSE.txt": "MIT"}),
    "CSV": ("csv", {"train.csv": ROW, "a.png": ""}),
    "CSV of Roboflow": ("csv", {"train/_annotations.csv": ROW, "train/a.png": ""}),
    "a text file": ("csv", {"train.txt": ROW, "a.png": ""}),
    "text files": ("csv", {"train/a.txt": "dog,0,1,2,3,4", "train/a.png": ""}),
    "YOLO": ("yolo", {"data.yaml": "names: [dog]\ntrain: images/train", "images/train/a.png": "", "labels/train/a.txt": LINE}),
    "YOLO of Roboflow": ("yolo", {"data.yaml": "names: [dog]\ntrain: ../train/images", "train/images/a.png": ""}),
    "YOLO with another name": ("yolo", {"pets.yaml": "names: [dog]\ntrain: images/train", "images/train/a.png": ""}),
    "YOLO without a file": ("yolo", {"classes.txt": "dog", "images/train/a.png": "", "labels/train/a.txt": LINE}),
    "YOLO beside its images": ("yolo", {"train/a.png": "", "train/a.txt": LINE}),
    "YOLO of Darknet": ("yolo", {"obj.names": "dog", "train.txt": "data/obj/a.png", "obj/a.png": "", "obj/a.txt": LINE}),
    "TFRecord": ("tfrecord", {"train.record": "", "label_map.pbtxt": ""}),
    "several TFRecords": ("tfrecord", {"pets_train.record-00000-of-00001": ""}),
    "TFRecord of Roboflow": ("tfrecord", {"train/Cells.tfrecord": "", "train/Cells_label_map.pbtxt": ""}),
}


def fill(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


@pytest.mark.parametrize(("kind", "files"), FOLDERS.values(), ids=FOLDERS.keys())
def test_each_layout_is_recognised_by_its_files(tmp_path, kind, files):
    fill(tmp_path, files)
    assert recognise([(tmp_path, "train")]) == kind
    assert recognise([(tmp_path, "gone")]) == kind  # whose reader then says which splits there are
    there = LAYOUTS[kind].splits(tmp_path)
    assert any(split.endswith("train") for split in there)


@pytest.mark.parametrize("first", FOLDERS)
def test_no_folder_has_anything_of_another_layout(tmp_path, first):
    kind, files = FOLDERS[first]
    fill(tmp_path, files)
    assert [other for other, layout in LAYOUTS.items() if layout.splits(tmp_path) is not None] == [kind]


def test_a_yaml_file_is_yolo(tmp_path):
    fill(tmp_path, FOLDERS["YOLO"][1])
    assert recognise([(tmp_path / "data.yaml", "train")]) == "yolo"


def test_images_with_their_labels_in_one_folder_are_yolo(tmp_path):
    fill(tmp_path, {"classes.txt": "dog", "a.png": "", "a.txt": LINE})
    assert recognise([(tmp_path, "all")]) == recognise([(tmp_path, "train")]) == "yolo"
    assert LAYOUTS["yolo"].splits(tmp_path) == ["all"]


def test_a_damaged_data_yaml_is_yolo_whose_reader_says_what_is_wrong(tmp_path):
    assert recognise([(fill(tmp_path, {"data.yaml": "train: images\n"}), "train")]) == "yolo"


def test_the_layout_that_has_the_wanted_splits_is_taken(tmp_path):
    fill(tmp_path, {**FOLDERS["VOC"][1], "ImageSets/Main/val.txt": "a", "test.csv": ROW, "other.json": COCO})
    assert recognise([(tmp_path, "train"), (tmp_path, "val")]) == "voc"
    assert recognise([(tmp_path, "test")]) == "csv"


def test_two_layouts_with_the_split_are_refused_with_what_was_found_and_needed(tmp_path):
    fill(tmp_path, {**FOLDERS["VOC"][1], **FOLDERS["COCO"][1]})
    message = (
        rf"^{tmp_path}: the layout may be PASCAL VOC with the splits all, train, or COCO JSON with the splits train; say "
        r"which it is with --dataset voc or --dataset coco\. Of the layouts, voc needs Annotations/ and .*; yolo needs data\.yaml"
    )
    with pytest.raises(DatasetError, match=message):
        recognise([(tmp_path, "train")])


def test_folders_of_two_layouts_are_refused(tmp_path):
    parts = [(fill(tmp_path / name, FOLDERS[name][1]), "train") for name in ("VOC", "COCO")]
    with pytest.raises(DatasetError, match=r"VOC, \S+COCO: the layout may be PASCAL VOC .* or COCO JSON"):
        recognise(parts)


def test_an_unknown_layout_is_refused_with_what_was_found_and_needed(tmp_path):
    pictures = {f"{letter}.png": "" for letter in "abcdefghij"}
    fill(tmp_path, {**pictures, "notes.txt": "drawn in May", "package.json": "{}", "deep/a.png": ""})
    message = r"the layout is none that is known; found a\.png, .*, deep/, e\.png, .* and 5 more\. Of .* tfrecord needs SPLIT"
    with pytest.raises(DatasetError, match=message):
        recognise([(tmp_path, "train")])


def test_the_dataset_around_a_folder_is_named(tmp_path):
    fill(tmp_path / "VOC2007", FOLDERS["VOC"][1])
    message = rf"none that is known; found .*; {tmp_path}/VOC2007 is PASCAL VOC: give that as --data\. Of the"
    with pytest.raises(DatasetError, match=message):
        recognise([(tmp_path / "VOC2007" / "JPEGImages", "train")])


def test_a_dataset_one_folder_deeper_is_named(tmp_path):
    fill(tmp_path / "VOC2007", FOLDERS["VOC"][1])
    message = rf"the layout is none that is known; found VOC2007/; {tmp_path}/VOC2007 is PASCAL VOC: give that as --data\. Of the"
    with pytest.raises(DatasetError, match=message):
        recognise([(tmp_path, "train")])


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone", "gone: no such folder; check --data"), ("a.json", r"a\.json: is a file; give the folder of the dataset")],
)
def test_what_is_no_folder_is_named(tmp_path, name, message):
    fill(tmp_path, {"a.json": COCO})
    with pytest.raises(DatasetError, match=message):
        recognise([(tmp_path / name, "train")])


def test_nothing_is_asked_of_settings_that_name_the_layout(tmp_path):
    for config in (CheckConfig(), CheckConfig(dataset="csv", data=(tmp_path,))):
        assert recognised(config, [(tmp_path, "train")]) is config


@pytest.mark.parametrize(("kind", "files"), FOLDERS.values(), ids=FOLDERS.keys())
def test_a_held_out_split_is_found_by_the_names_that_tools_give_it(tmp_path, kind, files):
    """Roboflow's is `valid`."""
    valid, val = (
        {name.replace("train", split): content.replace("train", split) for name, content in files.items()}
        for split in ("valid", "val")
    )
    fill(tmp_path, {**files, **valid})
    said, read_as = [], f"{tmp_path}: read as {LAYOUTS[kind].title} (--dataset {kind})"
    parts = [(tmp_path, "train"), (tmp_path, "val")]
    assert recognised(TrainConfig(data=(tmp_path,)), parts, said.append).dataset == kind
    assert said == [read_as, f"{tmp_path}: the split 'val' is called 'valid' there"]
    check_there(kind, [tmp_path], ["train", "val", "validation"])
    fill(tmp_path, val)
    assert recognised(TrainConfig(data=(tmp_path,), dataset=kind), parts, said.append).dataset == kind
    assert len(said) == 2  # its own name goes first


@pytest.mark.parametrize("of", [TrainConfig, CheckConfig, EvaluateConfig, ExportConfig])
def test_every_command_with_data_recognises_the_layout_and_says_which(tmp_path, capsys, of):
    fill(tmp_path, FOLDERS["CSV"][1])
    needed = {
        EvaluateConfig: {"checkpoint": tmp_path},
        ExportConfig: {"checkpoint": tmp_path, "format": "onnx", "output": tmp_path / "new.onnx"},
    }
    config = of(data=(tmp_path,), **needed.get(of, {}))
    assert config.dataset == "auto"
    assert recognised(config, [(tmp_path, "train")]).dataset == "csv"
    assert capsys.readouterr().out == f"{tmp_path}: read as CSV (--dataset csv)\n"
    assert of(**needed.get(of, {})).dataset == "synthetic"
