import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_ssd.check.findings import Findings
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.readers.csv import CsvDataset, TextFilesDataset, read_csv
from tf_ssd.errors import DatasetError, Place

ROW = "a.png,dog,10,20,50,60\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three images of 200 x 100 px."""
    for name in ("a.png", "b.PNG", "c.jpg"):
        Image.new("RGB", (200, 100)).save(tmp_path / name)
    return tmp_path


def one_file(folder: Path, text: str, *, images: Path | None = None, **options) -> CsvDataset:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return CsvDataset(folder / "labels.csv", *([images] if images else []), **options)


# One file for all images


def test_a_record(folder):
    record = one_file(folder, "a.png,dog,10,20,50,60.1\na.png,cat,0,0,200,100\n")[0]
    assert (record.id, record.image, record.size) == ("a.png", folder / "a.png", None)
    np.testing.assert_array_equal(record.boxes_px, [[10, 20, 50, 60.1], [0, 0, 200, 100]])
    assert record.labels.tolist() == [2, 1]
    assert record.difficult.tolist() == record.crowd.tolist() == [False, False]
    assert [array.dtype for array in (record.boxes_px, record.labels)] == [np.float64, np.int32]
    assert read_image(record).shape == (100, 200, 3)


def test_images_in_the_order_of_their_first_row(folder):
    text = "c.jpg,dog,1,1,9,9\na.png,cat,1,1,9,9\nc.jpg,cow,1,1,9,9\nb.PNG,,,,,\nc.jpg,cat,1,1,9,9\n"
    dataset = one_file(folder, text)
    assert dataset.class_names == ("cat", "cow", "dog")
    assert [dataset[index].id for index in range(3)] == ["c.jpg", "a.png", "b.PNG"]
    assert [dataset[index].labels.tolist() for index in range(3)] == [[3, 2, 1], [1], []]
    assert dataset[2].boxes_px.shape == (0, 4)
    assert (len(dataset), dataset.notes) == (3, ())


def test_given_class_names_set_the_labels(folder):
    dataset = one_file(folder, ROW, class_names=["cat", "dog"])
    assert (dataset.class_names, dataset[0].labels.tolist()) == (("cat", "dog"), [2])
    assert one_file(folder, "a.png,,,,,\n", class_names=["cat"])[0].labels.tolist() == []


def test_names_are_relative_to_the_image_folder(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "labels.csv").write_text("c.jpg,dog,1,1,9,9\n")
    assert CsvDataset(folder / "sub" / "labels.csv", folder)[0].image == folder / "c.jpg"


def test_names_may_be_relative_to_other_folders_and_have_backslashes(folder):
    (folder / "images").mkdir()
    (folder / "images" / "d.png").touch()
    (folder / "labels.csv").write_text("images\\d.png,dog,1,1,9,9\na.png,dog,1,1,9,9\ngone\\e.png,dog,1,1,9,9\n")
    dataset = CsvDataset(folder / "labels.csv", folder / "images", folder)
    assert [dataset[index].image for index in (0, 1)] == [folder / "images/d.png", folder / "a.png"]
    assert dataset[2].looked_for == (folder / "images/gone/e.png", folder / "gone/e.png")


def test_columns_of_other_tools(folder):
    dataset = one_file(folder, "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,9,9,dog,10,20,50,60\nb.PNG,9,9,,,,,\n")
    np.testing.assert_array_equal(dataset[0].boxes_px, [[10, 20, 50, 60]])
    assert (dataset[1].labels.tolist(), dataset[1].complete) == ([], True)


def test_an_image_with_too_many_boxes_is_refused(folder):
    with pytest.raises(DatasetError, match=r"a\.png: 4097 boxes are more than the 4096 that an image may have; cut"):
        one_file(folder, ROW * 4097, class_names=["dog"])[0]


@pytest.mark.parametrize("broken", ["a.png,dog,1,two,3,4", "a.png,dog", "../x.png,dog,1,2,3,4"])
def test_nothing_follows_from_rows_that_could_not_be_read(folder, broken):
    findings = Findings("train")
    dataset = one_file(folder, f"a.png,,,,,\n{broken}", notes=findings)
    assert len(list(findings)) == 1
    assert dataset[0].complete is False


def test_no_image_is_looked_at(folder):
    dataset = one_file(folder, "gone.png,dog,1,1,9,9\n")
    assert dataset[0].labels.tolist() == [1]
    (row,) = dataset[0].written
    assert row.place == Place(folder / "labels.csv", "line 1 (dog)")
    assert row.box == "xmin=1 ymin=1 xmax=9 ymax=9"


def test_what_is_dropped_is_noted_with_its_line(folder):
    dataset = one_file(folder, f"{ROW}a.png,cat,5,5,5,9\na.png,dog,190,90,201,99\n")
    np.testing.assert_array_equal(dataset[0].boxes_px[1], [190, 90, 201, 99])
    assert dataset.class_names == ("dog",)  # a class without any box cannot be learned
    (dropped,) = dataset.notes
    assert dropped.endswith("labels.csv: line 2 (cat): xmin=5 ymin=5 xmax=5 ymax=9")


BAD_FILES = {
    "empty": ("", r"there are no rows; write one a box"),
    "no number": (ROW + "a.png,dog,1,two,3,4", r"line 2 \(dog\): ymin is 'two'; write a finite number"),
    "nan": (ROW + "a.png,dog,1,2,nan,4", r"line 2 \(dog\): xmax is 'nan'; write"),
    "infinite": (ROW + "a.png,dog,1,2,3,inf", r"line 2 \(dog\): ymax is 'inf'; write"),
    "x inverted": (ROW + "a.png,dog,9,2,3,4", r"line 2 \(dog\): xmin=9 is greater than xmax=3; swap"),
    "y inverted": (ROW + "a.png,dog,1,9,3,4", r"line 2 \(dog\): ymin=9 is greater than ymax=4; swap"),
    "class without corners": (ROW + "a.png,dog,,,,", r"line 2 \(dog\): xmin is ''; write"),
    "corners without class": (ROW + "a.png,,1,2,3,4", r"line 2: the class is missing; give it, or leave all five fields empty"),
    "no name": (ROW + ",dog,1,2,3,4", r"line 2: the file name is empty; name the file"),
    "no labels at all": ("a.png,,,,,", r"there are no objects to take class names from"),
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused(folder, text, message):
    with pytest.raises(DatasetError, match=rf"labels\.csv: {message}"):
        one_file(folder, text)


def test_an_unknown_class_is_refused_at_the_start(folder):
    with pytest.raises(DatasetError, match=r"labels\.csv: line 3 \(dog\): the class is none of cat, cow; rename"):
        one_file(folder, f"a.png,cat,1,1,9,9\n\n{ROW}", class_names=["cat", "cow"])


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", r"..\a.png", "C:/a.png"])
def test_a_name_that_leads_out_of_the_folder_is_refused(folder, name):
    with pytest.raises(DatasetError, match=r"labels\.csv: line 2: the file name .* leads out of the dataset's folder"):
        one_file(folder, f"{ROW}{name},dog,1,1,9,9\n")


def test_a_symbolic_link_out_of_the_folder_is_refused(folder):
    (folder / "images").mkdir()
    (folder / "images" / "a.png").symlink_to(folder / "a.png")
    dataset = one_file(folder, ROW, images=folder / "images")
    with pytest.raises(DatasetError, match=r"images/a\.png: a symbolic link leads to"):
        dataset[0]


def test_a_record_is_held_in_little_memory(folder):
    text = "".join(f"train/{number // 3:012d}.jpg,dog,{number % 99},1,100,9\n" for number in range(60_000))
    tracemalloc.start()
    dataset = one_file(folder, text)
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 22 letters and 8 for the name, 8 offset; 32 + 4 + 4 for each of three boxes; and the text itself, still in use.
    assert (kept - len(text)) / len(dataset) < 38 + 120 + 40


# One file for each image


def text_files(folder: Path, texts: dict[str, str], **options) -> TextFilesDataset:
    (folder / "labels").mkdir()
    for name, text in texts.items():
        (folder / "labels" / name).write_text(text, encoding="utf-8")
    return TextFilesDataset(folder / "labels", folder, **options)


def test_a_class_and_its_number(folder):
    dataset = text_files(folder, {"c.txt": "dog,1,10,20,50,60\ncat,0,0,0,200,100\n", "a.TXT": "", "b.csv": "\ufeffcat;0;1;1;9;9"})
    assert dataset.class_names == ("cat", "dog")
    assert [dataset[index].id for index in range(3)] == ["a", "b", "c"]
    assert [dataset[index].labels.tolist() for index in range(3)] == [[], [1], [2, 1]]
    assert [dataset[index].image.name for index in range(3)] == ["a.png", "b.PNG", "c.jpg"]
    np.testing.assert_array_equal(dataset[2].boxes_px, [[10, 20, 50, 60], [0, 0, 200, 100]])
    assert dataset[2].size is None


@pytest.mark.parametrize(
    "row", ["a.png,dog,10,20,50,60", "a,dog,10,20,50,60", "dog,3,10,20,50,60", "name,class,xmin,ymin,xmax,ymax\ndog,0,1,1,2,2"]
)
def test_a_row_may_name_the_image_instead(folder, row):
    dataset = text_files(folder, {"a.txt": row})
    assert (dataset.class_names, dataset[0].labels.tolist()) == (("dog",), [1])


@pytest.mark.parametrize(("row", "name"), [("a.png,7,10,20,50,60", "7"), ("a,0,10,20,50,60", "a")])
def test_classes_that_look_like_something_else(folder, row, name):
    assert text_files(folder, {"a.txt": row}).class_names == (name,)


def test_text_files_beside_their_images(folder):
    (folder / "a.txt").write_text("dog,0,10,20,50,60")
    dataset = TextFilesDataset(folder)
    assert dataset[0].image == folder / "a.png"
    assert dataset.notes == (f"images without an annotation, left out: 2: {folder / 'b'}; {folder / 'c'}",)


def test_text_files_are_parsed_when_they_are_used(folder):
    dataset = text_files(folder, {"a.txt": "dog,0,10,20,50,60", "b.txt": "damaged"}, class_names=["dog"])
    assert dataset[0].labels.tolist() == [1]
    with pytest.raises(DatasetError, match=r"b\.txt: the first row 'damaged' neither"):
        dataset[1]


BAD_TEXTS = {
    "neither": ("cat,dog,1,2,3,4", r"a\.txt: line 1: 'cat', 'dog' are neither a class and its number nor 'a\.png' and a class"),
    "another image": ("b.png,dog,1,2,3,4", r"a\.txt: line 1: 'b\.png', 'dog' are neither"),
    "no class": ("a.png,,1,2,3,4", r"a\.txt: line 1: 'a\.png', '' are neither"),
    "no name": (",0,1,2,3,4", r"a\.txt: line 1: '', '0' are neither"),
    "two numbers": ("dog,0,1,2,3,4\ndog,1,1,2,3,4", r"a\.txt: line 2: class 'dog' has the number 1 here and 0 elsewhere; correct"),
    "no corner": ("dog,0,1,2,3,", r"a\.txt: line 1 \(dog\): ymax is ''; write"),
}


@pytest.mark.parametrize(("text", "message"), BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_a_bad_text_is_refused(folder, text, message):
    with pytest.raises(DatasetError, match=message):
        text_files(folder, {"a.txt": text})


def test_a_text_without_image_is_refused(folder):
    with pytest.raises(
        DatasetError, match=r"there is no image 'classes' \(\.jpg .*\); add it or remove 'classes' from the dataset"
    ):
        text_files(folder, {"classes.txt": "dog"})


def test_a_folder_without_texts_is_refused(folder):
    with pytest.raises(DatasetError, match=r"labels: there are no \.txt or \.csv files"):
        text_files(folder, {})
    with pytest.raises(DatasetError, match=r"nowhere: cannot be listed .No such file"):
        TextFilesDataset(folder / "nowhere")


def test_a_text_that_is_a_link_out_of_the_folder_is_refused(folder):
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").symlink_to(folder / "a.png")
    with pytest.raises(DatasetError, match=r"labels/a\.txt: a symbolic link leads to .*a\.png"):
        TextFilesDataset(folder / "labels", folder)


@pytest.mark.parametrize("row", ["0 0.375 0.444 0.417 0.444", "12 0.1 0.2 0.3 0.4 0.5 0.6", "\ufeff1\t0\t0\t1\t1"])
@pytest.mark.parametrize("beside", ["classes.txt", None])
def test_yolo_is_named(folder, row, beside):
    texts = {"a.txt": row, "b.txt": "", **({beside: "dog"} if beside else {})}
    with pytest.raises(DatasetError, match=r"labels holds YOLO's text files .*: give --dataset yolo"):
        text_files(folder, texts)


def test_nothing_follows_from_a_text_that_could_not_be_read(folder):
    dataset = text_files(folder, {"a.txt": "dog,0,1,2,3,\n", "b.txt": "dog,0,1,2\n", "c.txt": ""}, notes=Findings("train"))
    assert dataset.class_names == ()
    assert dataset[0].complete is False
    assert dataset[2].complete is True


# Either


def test_a_file_or_a_folder(folder):
    (folder / "labels.csv").write_text(ROW)
    (folder / "texts").mkdir()
    (folder / "texts" / "c.txt").write_text("dog,0,1,2,3,4")
    assert read_csv(folder / "labels.csv", class_names=["cat", "dog"])[0].labels.tolist() == [2]
    assert read_csv(folder / "texts", folder, class_names=["cat", "dog"])[0].labels.tolist() == [2]
    assert (read_csv(folder / "labels.csv")[0].id, read_csv(folder / "texts", folder)[0].id) == ("a.png", "c")
    with pytest.raises(DatasetError, match=r"gone\.csv: cannot be read"):
        read_csv(folder / "gone.csv")
