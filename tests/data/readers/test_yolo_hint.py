import pytest

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


@pytest.mark.parametrize("name", ["classes.txt", "Classes.TXT", "train.txt", "a.csv"])
def test_files_of_other_texts_do_not_speak_against_labels(tmp_path, name):
    (tmp_path / name).write_text("cat\n")
    assert is_yolo(tmp_path) is False
    (tmp_path / "a.txt").write_text(ROW)
    (tmp_path / "empty.txt").touch()
    assert is_yolo(tmp_path) is True
    (tmp_path / "b.txt").write_text("cat\n")
    assert is_yolo(tmp_path) is False


def test_what_is_no_folder_holds_no_labels(tmp_path):
    assert is_yolo(tmp_path / "missing") is False
