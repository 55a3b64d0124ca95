import gc
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_ssd.check.findings import Findings
from tf_ssd.data.batches.generator import evaluation_batches
from tf_ssd.data.fingerprint import fingerprint
from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.yolo import YoloDataset, check_yolo
from tf_ssd.data.sources import open_dataset
from tf_ssd.data.subset import labelled
from tf_ssd.errors import DatasetError

LINE = "1 0.5 0.25 0.25 0.5\n"


def files(root: Path, *images: str, labels=(), yaml="names: [cat, dog]\n") -> Path:
    """Pictures of 200 x 100 px, files of labels with one box each, and data.yaml."""
    for name in images:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 100)).save(root / name)
    for name in labels:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(LINE)
    if yaml:
        (root / "data.yaml").write_text(yaml)
    return root


def ids(dataset) -> list[str]:
    return [dataset[index].id for index in range(len(dataset))]


def test_a_record_has_fractions_until_its_size_is_known(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    record = YoloDataset(tmp_path, "train")[0]
    assert (record.id, record.image, record.size, record.fractions) == ("a", tmp_path / "images/train/a.png", None, True)
    np.testing.assert_array_equal(record.boxes_px, [[0.375, 0, 0.625, 0.5]])
    assert record.labels.tolist() == [2]
    assert str(record.written[0]).endswith("a.txt: line 1 (dog): xmin=0.375 ymin=0 xmax=0.625 ymax=0.5")
    fitted, problems = fit_record(record, (200, 100), Notes())
    np.testing.assert_array_equal(fitted.boxes_px, [[75, 0, 125, 50]])
    assert (fitted.size, fitted.fractions, problems) == ((200, 100), False, [])


def test_a_batch(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    [(batch, sizes_px)] = evaluation_batches(YoloDataset(tmp_path, "train"), batch_size=1, image_size=30)
    np.testing.assert_array_equal(batch.boxes[0, :2], [[0.375, 0, 0.625, 0.5], [0, 0, 0, 0]])
    assert sizes_px.numpy().tolist() == [[200, 100]]


def test_boxes_over_the_edge_are_clipped_and_those_outside_are_faults(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    (tmp_path / "labels/train/a.txt").write_text("0 1 0.5 0.5 0.5\n0 0.5 0.5 0 0.5\n")
    dataset = YoloDataset(tmp_path, "train")
    fitted, [clipped] = fit_record(dataset[0], (200, 100), Notes())
    np.testing.assert_array_equal(fitted.boxes_px, [[150, 25, 200, 75]])
    assert clipped.kind == "boxes that reached beyond their image, clipped"
    assert dataset.notes[0].startswith("boxes without area, dropped: 1: ")
    (tmp_path / "labels/train/a.txt").write_text("0 1.0625 0.5 0.0625 0.5\n")
    with pytest.raises(DatasetError, match=r"a\.txt: line 1 \(cat\): xmin=1.03125 .* outside the image of 200 x 100 px"):
        fit_record(dataset[0], (200, 100), Notes())


LAYOUTS = {
    "side by side": ("images/train", "labels/train", "train: images/train"),
    "Roboflow": ("train/images", "train/labels", "train: ../train/images"),
    "a folder in path": ("pets/images/train", "pets/labels/train", "path: pets\ntrain: images/train"),
    "path elsewhere": ("images/train", "labels/train", "path: ../datasets/pets\ntrain: images/train"),
    "beside": ("train", "train", "train: train"),
    "a list": ("images/train", "labels/train", "train: [images/train]"),
    "without a key": ("images/train", "labels/train", ""),
    "without a key, Roboflow": ("train/images", "train/labels", ""),
    "in any case": ("Images/train", "labels/train", "train: Images/train"),
    "below": ("images/train/2020/may", "labels/train/2020/may", "train: images/train"),
    "backslashes": ("images/train", "labels/train", r"train: .\images\train"),
    "absolute elsewhere": ("images/train", "labels/train", "train: /content/pets/images/train"),
    "on Windows": ("images/train", "labels/train", r"train: C:\pets\images\train"),
}


@pytest.mark.parametrize(("images", "labels", "yaml"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layouts(tmp_path, images, labels, yaml):
    files(tmp_path, f"{images}/b.png", f"{images}/a.png", labels=[f"{labels}/a.txt"], yaml=f"names: [cat, dog]\n{yaml}\n")
    dataset = open_dataset("yolo", [tmp_path], ["train"])
    assert ids(dataset) == ["a", "b"]
    assert [dataset[index].labels.tolist() for index in (0, 1)] == [[2], []]
    assert dataset.class_names == ("cat", "dog")
    assert dataset[0].image == tmp_path.joinpath(*(["pets"] if "path: pets" in yaml else []), images.removeprefix("pets/"), "a.png")


def test_the_yaml_file_may_be_given_and_its_path_may_then_lead_elsewhere(tmp_path):
    files(tmp_path / "pets", "images/train/a.png", labels=["labels/train/a.txt"], yaml="")
    (tmp_path / "conf").mkdir()
    for path in ("../pets", tmp_path / "pets"):
        (tmp_path / "conf/pets.yaml").write_text(f"path: {path}\ntrain: images/train\nnames: [cat, dog]\n")
        check_yolo(tmp_path / "conf/pets.yaml", "train")
        assert ids(open_dataset("yolo", [tmp_path / "conf/pets.yaml"], ["train"])) == ["a"]
        with pytest.raises(
            DatasetError, match=r"train: there is no \S+conf/images/train; correct it, or give the dataset's folder"
        ):
            check_yolo(tmp_path / "conf", "train")


def test_images_in_a_folder_of_the_split_go_before_others_beside_it(tmp_path):
    files(tmp_path, "val/images/a.png", "val/preview.png", labels=["val/labels/a.txt"])
    assert ids(YoloDataset(tmp_path, "val")) == ["a"]
    files(tmp_path, "images/val/b.png", labels=["labels/val/b.txt"])
    assert ids(YoloDataset(tmp_path, "val")) == ["b"]


def test_all_is_everything(tmp_path):
    files(tmp_path, "images/a.png", "images/x/b.png", labels=["labels/a.txt", "labels/x/b.txt"])
    assert ids(YoloDataset(tmp_path, "all")) == ["a", "x/b"]


def test_several_folders_share_a_beginning_that_ids_do_without(tmp_path):
    yaml = "names: [cat, dog]\ntrain: [images/may, images/april]\n"
    files(tmp_path, "images/may/a.png", "images/april/a.png", labels=["labels/may/a.txt"], yaml=yaml)
    assert ids(YoloDataset(tmp_path, "train")) == ["may/a", "april/a"]


@pytest.mark.parametrize(
    "line",
    [
        "images/train/a.png",
        "./images/train/a.png",
        "{root}/images/train/a.png",
        "/content/pets/images/train/a.png",
        "data/images/train/a.png",  # as CVAT writes it
        r"images\train\a.png",
        "../images/train/a.png",
    ],
)
def test_a_text_file_lists_images(tmp_path, line):
    files(
        tmp_path,
        "images/train/a.png",
        "images/train/b.png",
        labels=["labels/train/a.txt"],
        yaml="train: train.txt\nnames: [cat, dog]",
    )
    (tmp_path / "train.txt").write_text(f"\n{line}\nimages/train/b.png\n".format(root=tmp_path))
    dataset = YoloDataset(tmp_path, "train")
    assert ids(dataset) == ["a", "b"]
    assert dataset[0].labels.tolist() == [2]


def test_lines_of_a_list_are_checked(tmp_path):
    yaml = "names: [cat, dog]\ntrain: train.txt\n"
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"], yaml=yaml)
    lines = ["images/train/a.png", "images/train/a.jpg", "images/train/gone.png", "../../etc/passwd", "x/../../a.png"]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    message = r"train\.txt: line 3: there is no image 'images/train/gone\.png' in .*; correct the line, or add the image"
    with pytest.raises(DatasetError, match=message):
        YoloDataset(tmp_path, "train")
    findings = Findings("train")
    assert ids(YoloDataset(tmp_path, "train", notes=findings)) == ["a"]
    kinds = [finding.kind for finding in findings]
    assert kinds == ["repeated lines, left out", "missing files", "paths out of the dataset", "paths out of the dataset"]


def test_labels_without_their_image_are_faults(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt", "labels/train/b.txt"])
    (tmp_path / "labels/train/classes.txt").write_text("cat\ndog\n")
    (tmp_path / "labels/train/notes.txt").write_text("drawn in May\n")
    with pytest.raises(DatasetError, match=r"labels/train/b\.txt: there is no image 'b' in \S+images/train; add it or remove"):
        YoloDataset(tmp_path, "train")
    findings = Findings("train")
    assert ids(YoloDataset(tmp_path, "train", notes=findings)) == ["a"]
    assert [finding.kind for finding in findings] == ["missing files"]


def test_an_absent_or_empty_file_is_an_image_without_labels_but_one_file_must_be_there(tmp_path):
    files(tmp_path, "images/train/a.png", "images/train/b.png")
    with pytest.raises(
        DatasetError, match="of the 2 images of the split 'train' none has a file of labels; looked in labels/train; of"
    ):
        YoloDataset(tmp_path, "train")
    (tmp_path / "labels/train").mkdir(parents=True)
    (tmp_path / "labels/train/a.txt").touch()
    assert [len(YoloDataset(tmp_path, "train")[index].labels) for index in (0, 1)] == [0, 0]


def test_a_file_of_labels_that_goes_away_is_missed(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    dataset = YoloDataset(tmp_path, "train")
    (tmp_path / "labels/train/a.txt").unlink()
    with pytest.raises(DatasetError, match=r"a\.txt: cannot be read as YOLO labels"):
        dataset[0]


@pytest.mark.parametrize("source", ["classes.txt", "labels/classes.txt", "obj.names"])
def test_names_without_a_yaml_file(tmp_path, source):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"], yaml="")
    with pytest.raises(
        DatasetError, match=r"no data\.yaml, nor any of .*, so that nobody knows what the classes are called; write data"
    ):
        YoloDataset(tmp_path, "train")
    assert YoloDataset(tmp_path, "train", class_names=["dog", "cat"])[0].labels.tolist() == [2]
    (tmp_path / source).write_text("cat\ndog\n")
    dataset = YoloDataset(tmp_path, "train")
    assert (dataset.class_names, dataset[0].labels.tolist()) == (("cat", "dog"), [2])


def test_of_several_files_of_names_the_nearest_is_taken(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"], yaml="")
    for source in ("obj.names", "labels/classes.txt", "classes.txt"):
        (tmp_path / source).write_text(f"cat\n{source}\n")
        assert YoloDataset(tmp_path, "train").class_names == ("cat", source)


def test_a_record_says_whether_a_faulty_line_was_left_out(tmp_path):
    files(tmp_path, "images/train/a.png", "images/train/b.png", labels=["labels/train/a.txt", "labels/train/b.txt"])
    (tmp_path / "labels/train/b.txt").write_text(f"{LINE}7 0.5 0.5 0.5 0.5\n")
    dataset = YoloDataset(tmp_path, "train", notes=Findings("train"))
    assert [(len(record.labels), record.complete) for record in (dataset[0], dataset[1])] == [(1, True), (1, False)]


def test_splits_without_a_yaml_file_are_folders_with_labels_and_lists_of_images(tmp_path):
    files(tmp_path, "images/may/a.png", "images/june/b.png", labels=["labels/may/a.txt"], yaml="")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "test.txt").write_text("images/may/a.png\n")
    (tmp_path / "val.txt").write_text("read me\n")
    with pytest.raises(DatasetError, match=r"; the splits there are may, test$"):
        YoloDataset(tmp_path, "gone")


def test_of_a_long_path_the_beginning_is_shown(tmp_path):
    files(tmp_path, "images/train/a.png", yaml=f"names: [cat]\ntrain: images/../../{'b' * 300}\n")
    with pytest.raises(DatasetError, match=r"train: '[^']{200}' leads out"):
        YoloDataset(tmp_path, "train")


def test_a_score_is_noted_once_for_a_record_that_is_read_again(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"], yaml="")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "labels/train/a.txt").write_text("1 0.5 0.25 0.25 0.5 0.875\n")
    dataset = YoloDataset(tmp_path, "train")
    assert [dataset[0].labels.tolist() for _ in range(2)] == [[2], [2]]
    assert dataset.notes == (f"boxes with a score, which is ignored: 1: {tmp_path}/labels/train/a.txt: line 1 (dog): 0.875",)


def test_given_classes_are_found_by_name(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    assert YoloDataset(tmp_path, "train", class_names=["dog", "cow", "cat"])[0].labels.tolist() == [1]
    with pytest.raises(DatasetError, match=r"line 1 \(dog\): the class is none of cat"):
        YoloDataset(tmp_path, "train", class_names=["cat"])[0]


def test_names_that_are_given_twice_are_refused(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"], yaml="names: [cat, cat]")
    with pytest.raises(DatasetError, match=r"data\.yaml: class names 1 and 2 are one name twice, 'cat'"):
        YoloDataset(tmp_path, "train")


REFUSED = {
    "no split": (
        "",
        "nothing",
        r"there are no images of a split 'nothing'; .*data\.yaml does not name it, and there is none of .*nothing",
    ),
    "the splits there": ("val: x\n", "nothing", "or --eval-split; the splits there are train, val$"),
    "out of the folder": (
        "train: images/../../b\n",
        "train",
        r"data\.yaml: train: 'images/../../b' leads out of the dataset's folder",
    ),
    "out after dots": ("train: ../b/../../c\n", "train", "'../b/../../c' leads out"),
    "absolute": ("train: /etc\n", "train", "'/etc' leads out"),
    "the root": ("train: /\n", "train", "'/' leads out"),
    "not there": (
        "train: images/gone\n",
        "train",
        r"train: there is no \S+images/gone; correct it, or give the dataset's folder as --data$",
    ),
    "never downloaded": (
        "train: gone\ndownload: https://a.b/c.zip\n",
        "train",
        r"as --data; what the file says of a download is never run: download the images yourself$",
    ),
    "no images": ("train: labels\n", "train", "there are no images in labels; is this the split 'train'"),
    "a list that is none": ("train: list.txt\n", "train", r"list\.txt: cannot be read as a list of images"),
}


@pytest.mark.parametrize(("yaml", "split", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(tmp_path, yaml, split, message):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"], yaml=f"names: [cat, dog]\n{yaml}")
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match=message):
        YoloDataset(tmp_path, split)


def test_links_may_be_folders_of_the_dataset_but_nothing_in_them_leads_out(tmp_path):
    root = files(tmp_path / "pets", labels=["labels/train/a.txt"])
    files(tmp_path / "disk", "train/a.png", yaml="")
    (root / "images").symlink_to(tmp_path / "disk")
    assert YoloDataset(root, "train")[0].image == root / "images/train/a.png"
    (tmp_path / "secret.txt").write_text(LINE)
    (root / "labels/train/a.txt").unlink()
    (root / "labels/train/a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(DatasetError, match=r"a\.txt: a symbolic link leads to \S+secret\.txt, out of"):
        YoloDataset(root, "train")[0]
    (root / "labels/train/a.txt").unlink()
    (root / "labels/train/a.txt").write_text(LINE)
    (tmp_path / "disk/train/a.png").unlink()
    (tmp_path / "disk/train/a.png").symlink_to("/etc/passwd")
    with pytest.raises(DatasetError, match=r"a\.png: a symbolic link leads to /etc/passwd"):
        YoloDataset(root, "train")[0]


def test_no_folder_of_labels_leads_out(tmp_path):
    root = files(tmp_path / "pets", "images/train/more/a.png", labels=["labels/train/b.txt", "../elsewhere/a.txt"])
    (root / "labels/train/more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=r"labels/train/more: a symbolic link leads to .*elsewhere, out of"):
        YoloDataset(root, "train")


def test_a_folder_that_holds_itself_is_read_once(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    (tmp_path / "images/train/loop").symlink_to(tmp_path / "images/train")
    assert ids(YoloDataset(tmp_path, "train")) == ["a"]


def test_no_image_is_opened_for_its_size(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    (tmp_path / "images/train/a.png").write_bytes(b"")
    dataset = open_dataset("yolo", [tmp_path], ["train"])
    assert len(labelled(dataset)) == 1
    assert fingerprint(dataset)


def test_a_named_pipe_does_not_block(tmp_path):
    files(tmp_path, "images/train/a.png", labels=["labels/train/a.txt"])
    dataset = YoloDataset(tmp_path, "train")
    for name in ("labels/train/a.txt", "data.yaml"):
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match="a named pipe"):
        dataset[0]
    with pytest.raises(DatasetError, match="a named pipe"):
        YoloDataset(tmp_path, "train")


def test_a_record_that_is_not_used_costs_few_bytes(tmp_path):
    for folder in ("images/train2017", "labels/train2017"):
        (tmp_path / folder).mkdir(parents=True)
        suffix = ".jpg" if folder.startswith("images") else ".txt"
        for number in range(500):
            (tmp_path / folder / f"{number:012d}{suffix}").touch()
    (tmp_path / "data.yaml").write_text("names: [cat, dog]\n")
    tracemalloc.start()
    dataset = YoloDataset(tmp_path, "train2017")
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(dataset) == 500
    assert kept / len(dataset) < 150
