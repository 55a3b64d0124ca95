import pytest

from tf_ssd.data.readers import yolo_hint
from tf_ssd.data.readers.yolo_hint import is_yolo, is_yolo_file

ROW = "0 0.5 0.5 0.25 1\n"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (ROW, True),
        ("12\t0 0 1 1 0.5 0.5\n", True),
        ("0 0.5 0.5 0.25\n", False),
        ("0 0.5 0.5 0.25 1.5\n", False),
        ("0 0.5 0.5 0.25 -1\n", False),
        ("0 0.5 0.5 0.25 wide\n", False),
        ("0.5 0.5 0.5 0.25 1\n", False),
        ("cat 0.5 0.5 0.25 1\n", False),
        ("", False),
    ],
)
def test_a_row_is_a_whole_number_and_four_fractions_or_more(tmp_path, row, expected):
    (tmp_path / "a.txt").write_text(row)
    assert is_yolo_file(tmp_path / "a.txt") is is_yolo(tmp_path) is expected


@pytest.mark.parametrize(
    "name",
    [
        *("classes.txt", "Classes.TXT", "README.txt", "train.txt", "val.txt", "test.txt"),
        *("_darknet.labels", "a.csv"),
    ],
)
def test_files_of_other_texts_do_not_speak_against_labels(tmp_path, name):
    (tmp_path / name).write_text("cat\n")
    assert is_yolo(tmp_path) is False
    (tmp_path / "a.txt").write_text(ROW)
    (tmp_path / "empty.txt").touch()
    assert is_yolo(tmp_path) is True
    (tmp_path / "b.txt").write_text("cat\n")
    assert is_yolo(tmp_path) is False


def test_a_few_files_are_looked_at(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(yolo_hint, "first_row", lambda path: looked.append(path) or ROW.strip())
    for number in range(30):
        (tmp_path / f"{number}.txt").touch()
    assert is_yolo(tmp_path)
    assert len(looked) == 20


def test_a_hint_names_the_first_folder_with_labels(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    assert yolo_hint.yolo_hint(tmp_path / "a", tmp_path) == ""
    for name in ("b", "c"):
        (tmp_path / name / "a.txt").write_text(ROW)
    what = "YOLO's text files (class number, centre, width and height as fractions)"
    assert yolo_hint.yolo_hint(*map(tmp_path.joinpath, "abc")) == f"; {tmp_path}/b holds {what}: give --dataset yolo"


def test_what_cannot_be_read_is_no_label(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    assert yolo_hint.first_row(tmp_path / "a.txt") == yolo_hint.first_row(tmp_path / "gone.txt") == "?"
    assert is_yolo(tmp_path) is False


def test_of_a_long_line_the_beginning_is_read(tmp_path):
    (tmp_path / "a.txt").write_text("x" * 2000)
    assert yolo_hint.first_row(tmp_path / "a.txt") == "x" * 1000


def test_what_is_no_folder_holds_no_labels(tmp_path):
    assert is_yolo(tmp_path / "missing") is False
